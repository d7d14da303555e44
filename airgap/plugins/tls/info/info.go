// Package info maps the Terraform TLS provider to the tokens that @pulumi/tls uses.
package info

import (
	"github.com/hashicorp/terraform-provider-tls/internal/provider"
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
)

// Version is set by the linker to the version of the npm package, which the engine asks for.
var Version string

// Provider describes every resource of the provider: tls_private_key becomes PrivateKey.
func Provider(metadata []byte) tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:            pf.ShimProvider(provider.New()),
		Name:         "tls",
		Version:      Version,
		MetadataInfo: tfbridge.NewProviderMetadata(metadata),
		Resources:    map[string]*tfbridge.ResourceInfo{},
	}
	info.MustComputeTokens(tokens.SingleModule("tls_", "index", func(module, name string) (string, error) {
		return tokens.MakeStandard("tls")(module, name)
	}))
	return info
}
