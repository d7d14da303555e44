// Command gen writes the schema that the plugin embeds.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
	"github.com/terraform-providers/terraform-provider-docker/pulumi/info"
)

func main() { tfgen.Main("docker", info.Version, info.Provider([]byte("{}"))) }
