// Command gen writes the schema that the plugin embeds.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"
	"github.com/terraform-providers/terraform-provider-random/pulumi/info"
)

func main() { tfgen.Main("random", info.Provider([]byte("{}"))) }
