#!/usr/bin/env node
// A Pulumi language host for Node programs, for machines that can't download the official one, which is not published
// as a module. It knows what this project needs: running a program whose types Node strips, and naming its plugins.

import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const engineAddress = process.argv.at(-1);
// The engine starts the host in the project's folder, whose dependencies hold the protocol.
const require = createRequire(join(process.cwd(), "package.json"));
const grpc = require("@grpc/grpc-js");
const { LanguageRuntimeService } = require("@pulumi/pulumi/proto/language_grpc_pb");
const messages = require("@pulumi/pulumi/proto/language_pb");
const { PluginInfo, PackageDependency } = require("@pulumi/pulumi/proto/plugin_pb");
const { Empty } = require("google-protobuf/google/protobuf/empty_pb");

/** The pulumi entries of installed packages whose plugins were built beside this file: the engine could not download another. */
function packages(programDir) {
	const found = [];
	for (const scope of ["@pulumi", "@pulumiverse"]) {
		const dir = join(programDir, "node_modules", scope);
		if (!existsSync(dir)) continue;
		for (const entry of readdirSync(dir)) {
			const manifest = join(dir, entry, "package.json");
			if (!existsSync(manifest)) continue;
			const { pulumi, version } = JSON.parse(readFileSync(manifest, "utf8"));
			if (!pulumi?.resource || !existsSync(join(import.meta.dirname, `pulumi-resource-${pulumi.name}`))) continue;
			const dependency = new PackageDependency();
			dependency.setName(pulumi.name);
			dependency.setKind("resource");
			dependency.setVersion(pulumi.version ?? version);
			dependency.setServer(pulumi.server ?? "");
			found.push(dependency);
		}
	}
	return found;
}

function run(call, done) {
	const request = call.request;
	const info = request.getInfo();
	const programDir = info.getProgramDirectory();
	const args = [
		...["--monitor", request.getMonitorAddress()],
		...["--engine", engineAddress],
		...["--project", request.getProject()],
		...["--stack", request.getStack()],
		...["--pwd", request.getPwd()],
		...["--parallel", String(request.getParallel())],
		...["--query-mode", "false"],
		...(request.getOrganization() ? ["--organization", request.getOrganization()] : []),
		...(request.getDryrun() ? ["--dry-run"] : []),
		join(programDir, info.getEntryPoint() || "."),
	];
	const config = Object.fromEntries(request.getConfigMap().entries());
	const typescript = info.getOptions()?.toJavaScript().typescript !== false;
	const program = spawn(process.execPath, [require.resolve("@pulumi/pulumi/cmd/run"), ...args], {
		cwd: request.getPwd() || programDir,
		stdio: ["ignore", "inherit", "inherit"],
		env: {
			...process.env,
			PULUMI_NODEJS_TYPESCRIPT: String(typescript),
			PULUMI_CONFIG: JSON.stringify(config),
			PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
		},
	});
	program.on("error", (error) => done({ code: grpc.status.INTERNAL, message: error.message }));
	program.on("exit", (code, signal) => {
		const response = new messages.RunResponse();
		if (code === 32)
			response.setBail(true); // the program has already reported its error
		else if (code !== 0) response.setError(`the program ended with ${signal ?? `exit code ${code}`}`);
		done(null, response);
	});
}

const unimplemented = (_call, done) => done({ code: grpc.status.UNIMPLEMENTED, message: "not needed by this project" });
const service = Object.fromEntries(Object.keys(LanguageRuntimeService).map((method) => [method, unimplemented]));
Object.assign(service, {
	handshake: (_call, done) => done(null, new messages.LanguageHandshakeResponse()),
	getPluginInfo: (_call, done) => {
		const info = new PluginInfo();
		info.setVersion(require("@pulumi/pulumi/package.json").version);
		done(null, info);
	},
	getRequiredPackages: (call, done) => {
		const response = new messages.GetRequiredPackagesResponse();
		response.setPackagesList(packages(call.request.getInfo().getProgramDirectory()));
		done(null, response);
	},
	getProgramDependencies: (_call, done) => done(null, new messages.GetProgramDependenciesResponse()),
	run,
	cancel: (_call, done) => done(null, new Empty()),
});

const server = new grpc.Server({ "grpc.max_receive_message_length": 400 * 1024 * 1024 });
server.addService(LanguageRuntimeService, service);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
	if (error) throw error;
	console.log(port); // how the engine learns where to call
});
