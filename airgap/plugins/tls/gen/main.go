// Command gen writes the schema that the plugin embeds.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"
	"github.com/hashicorp/terraform-provider-tls/pulumi/info"
)

func main() { tfgen.Main("tls", info.Provider([]byte("{}"))) }
