#!/usr/bin/env node
// A Pulumi language host for Node programs, for machines that can't download the official one, which is not published
// as a module. It knows what this project needs: running a program whose types Node strips, naming its plugins, and
// running a policy pack.

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
const { AnalyzerService } = require("@pulumi/pulumi/proto/analyzer_grpc_pb");
const analyzer = require("@pulumi/pulumi/proto/analyzer_pb");
const { PluginInfo, PackageDependency } = require("@pulumi/pulumi/proto/plugin_pb");
const { Empty } = require("google-protobuf/google/protobuf/empty_pb");

const limits = { "grpc.max_receive_message_length": 400 * 1024 * 1024 };

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

/**
 * Starts a policy pack. It reads the stack's configuration from its environment, which the engine tells only to who answers
 * already: until then a proxy does, and afterwards it hands over whatever else it is asked.
 */
function runPlugin(call) {
	const request = call.request;
	if (request.getKind() !== "analyzer") {
		call.emit("error", { code: grpc.status.UNIMPLEMENTED, message: "only policy packs run here" });
		return;
	}
	const say = (stream, data) => call.write(new messages.RunPluginResponse()[`set${stream}`](data));
	let pack;
	/** Starts it, once, and settles with a client for it. */
	const start = (configuration) => {
		pack ??= new Promise((resolve, reject) => {
			const dir = request.getInfo().getProgramDirectory();
			const child = spawn(process.execPath, [policyRunner(dir), ...request.getArgsList(), dir], {
				cwd: dir,
				stdio: ["ignore", "pipe", "pipe"],
				env: { ...fromList(request.getEnvList()), ...fromConfiguration(configuration) },
			});
			call.on("cancelled", () => child.kill());
			child.on("error", reject);
			child.stderr.on("data", (data) => say("Stderr", data));
			// Its first line is the port that it listens on.
			child.stdout.once("data", (data) =>
				resolve(new grpc.Client(`127.0.0.1:${Number.parseInt(data, 10)}`, grpc.credentials.createInsecure(), limits)),
			);
			child.on("exit", (code) => {
				reject(new Error(`the policy pack ended with exit code ${code}`));
				say("Exitcode", code ?? 1);
				call.end();
			});
		});
		return pack;
	};
	const proxy = new grpc.Server(limits);
	proxy.addService(...analyzerProxy(start));
	proxy.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
		if (error) call.emit("error", { code: grpc.status.INTERNAL, message: error.message });
		else say("Stdout", Buffer.from(`${port}\n`));
	});
	call.on("cancelled", () => proxy.forceShutdown());
}

function policyRunner(dir) {
	return createRequire(join(dir, "package.json")).resolve("@pulumi/pulumi/cmd/run-policy-pack");
}

/** A service that answers what comes before the pack, and passes on everything else as it is. */
function analyzerProxy(start) {
	const raw = (bytes) => bytes;
	const definition = Object.fromEntries(
		Object.entries(AnalyzerService).map(([name, method]) => {
			const bytes = {
				requestSerialize: raw,
				requestDeserialize: raw,
				responseSerialize: raw,
				responseDeserialize: raw,
			};
			return [name, { ...method, ...bytes }];
		}),
	);
	const passOn =
		({ path }) =>
		async (call, done) => {
			try {
				(await start()).makeUnaryRequest(path, raw, raw, call.request, done);
			} catch (error) {
				done({ code: grpc.status.INTERNAL, message: error.message });
			}
		};
	const methods = Object.fromEntries(Object.entries(definition).map(([name, method]) => [name, passOn(method)]));
	const empty = (Message) => Buffer.from(new Message().serializeBinary());
	methods.handshake = (_call, done) => done(null, empty(analyzer.AnalyzerHandshakeResponse));
	methods.configureStack = (call, done) => {
		start(analyzer.AnalyzerStackConfigureRequest.deserializeBinary(new Uint8Array(call.request))).catch(() => {});
		done(null, empty(analyzer.AnalyzerStackConfigureResponse));
	};
	return [definition, methods];
}

function fromList(variables) {
	return Object.fromEntries(variables.map((variable) => variable.split(/=(.*)/s, 2)));
}

/** What a policy pack finds in its environment about the stack. */
function fromConfiguration(configuration) {
	if (!configuration) return {};
	return {
		PULUMI_NODEJS_ORGANIZATION: configuration.getOrganization(),
		PULUMI_NODEJS_PROJECT: configuration.getProject(),
		PULUMI_NODEJS_STACK: configuration.getStack(),
		PULUMI_NODEJS_DRY_RUN: String(configuration.getDryRun()),
		PULUMI_CONFIG: JSON.stringify(Object.fromEntries(configuration.getConfigMap().entries())),
	};
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
	runPlugin,
	cancel: (_call, done) => done(null, new Empty()),
});

const server = new grpc.Server(limits);
server.addService(LanguageRuntimeService, service);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
	if (error) throw error;
	console.log(port); // how the engine learns where to call
});
