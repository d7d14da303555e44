// Command gen writes the schema that the plugin embeds.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
	"tracestack/airgap/plugins/grafana/info"
)

func main() { tfgen.Main("grafana", info.Version, info.Provider([]byte("{}"))) }
