// Package info maps the Terraform Grafana provider to the tokens that @pulumiverse/grafana uses.
package info

import (
	grafana "github.com/grafana/terraform-provider-grafana/v4/pkg/provider"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
)

// Version is set by the linker to the version of the npm package, which the engine asks for.
var Version string

// Provider describes the resources that the Grafana component creates; every other one is left out.
func Provider(metadata []byte) tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:                 shimv2.NewProvider(grafana.Provider(Version)),
		Name:              "grafana",
		Version:           Version,
		PluginDownloadURL: "github://api.github.com/pulumiverse",
		MetadataInfo:      tfbridge.NewProviderMetadata(metadata),
		Resources: map[string]*tfbridge.ResourceInfo{
			"grafana_dashboard":   {Tok: "grafana:oss/dashboard:Dashboard"},
			"grafana_folder":      {Tok: "grafana:oss/folder:Folder"},
			"grafana_data_source": {Tok: "grafana:oss/dataSource:DataSource"},
		},
	}
	info.P.ResourcesMap().Range(func(name string, _ shim.Resource) bool {
		if _, mapped := info.Resources[name]; !mapped {
			info.IgnoreMappings = append(info.IgnoreMappings, name)
		}
		return true
	})
	info.P.DataSourcesMap().Range(func(name string, _ shim.Resource) bool {
		info.IgnoreMappings = append(info.IgnoreMappings, name)
		return true
	})
	return info
}
