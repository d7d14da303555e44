// Imported first, by every process that loads Pulumi: a start is most of what a short command costs.

import { createRequire, enableCompileCache, Module } from "node:module";

// What is loaded from here on is compiled once and kept.
enableCompileCache();

// The engine's programs look up every place of every stack trace in source maps, and Pulumi takes a trace of each promise.
// Node strips types in place: there is nothing to look up. Whoever else runs this may want its own.
if (/@pulumi.pulumi.cmd/.test(process.argv[1] ?? "")) Reflect.deleteProperty(Error, "prepareStackTrace");

// Pulumi loads a TypeScript compiler and a package manager, to serialize functions: nothing here does.
const require = createRequire(import.meta.url);
for (const unused of ["codePaths", "serializeClosure"]) {
	const file = require.resolve(`@pulumi/pulumi/runtime/closure/${unused}.js`);
	require.cache[file] ??= Object.assign(new Module(file), { exports: {}, loaded: true });
}
