// Imported first, by every process that loads Pulumi: a start is most of what a short command costs.

import { createRequire, enableCompileCache, Module } from "node:module";

// What is loaded from here on is compiled once and kept.
enableCompileCache();

// Pulumi loads a TypeScript compiler, to serialize functions: nothing here does.
const require = createRequire(import.meta.url);
const compiler = require.resolve("@pulumi/pulumi/typescript-shim.js");
require.cache[compiler] ??= Object.assign(new Module(compiler), { exports: {}, loaded: true });
