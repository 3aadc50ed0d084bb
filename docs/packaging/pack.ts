// Makes the npm package: `deno task pack` writes dist/wireserve-VERSION.tgz. The program is bundled,
// with a bundle for its workers, and lib/http is compiled for Node.js, with its types.

import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url).pathname;
const DIST = `${ROOT}dist`;
const PACKAGE = `${DIST}/npm`;

/** The Deno that runs the program: it was tested with this one. */
const DENO_VERSION = "2.9.6";

/** Makes JavaScript and types of lib/http. */
const COMPILER = "npm:typescript@5.9.3/tsc";

/** The permissions of your_program.sh. */
const LAUNCHER = `#!/usr/bin/env node
// Starts the program on Deno, and ends as it does.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const deno = createRequire(import.meta.url)("deno/install_api.cjs").runInstall();
const program = fileURLToPath(new URL("../main.js", import.meta.url));
const child = spawn(deno, [
  "run", "--quiet", "--no-config", "--no-lock", "--unstable-net",
  "--allow-net", "--allow-read", "--allow-write",
  "--allow-sys=statfs,networkInterfaces,hostname",
  program, ...process.argv.slice(2),
], { stdio: "inherit" });
// The terminal signals both; other programs signal this one alone.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (error) => {
  console.error("wireserve: " + error.message);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
`;

const MANIFEST = {
  name: "wireserve",
  version: config.version,
  description: "An HTTP/1.1 file server, and its protocol as a library without I/O",
  keywords: ["http", "server", "file-server", "http-parser"],
  license: config.license,
  type: "module",
  bin: { wireserve: "bin/wireserve.js" },
  exports: {
    "./http": { types: "./http/mod.d.ts", default: "./http/mod.js" },
    "./package.json": "./package.json",
  },
  files: ["bin", "http", "lib", "main.js"],
  engines: { node: ">=20" },
  dependencies: { deno: DENO_VERSION },
};

async function run(program: string, args: readonly string[], cwd = ROOT): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd })
    .output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(
    `${program} ${args.join(" ")}:\n${decoder.decode(stdout)}${decoder.decode(stderr)}`,
  );
}

/** Bundles a module, and gives workers the names that their bundles have. */
async function bundle(module: string, output: string): Promise<void> {
  await run(Deno.execPath(), ["bundle", "-q", "--platform", "deno", "-o", output, module]);
  const text = await Deno.readTextFile(output);
  const lib = output.endsWith("/main.js") ? "./lib" : "..";
  await Deno.writeTextFile(
    output,
    text.replace('"./worker.ts"', `"${lib}/program/worker.js"`)
      .replace('"./hash_worker.ts"', `"${lib}/auth/hash_worker.js"`),
  );
}

async function main(): Promise<void> {
  await Deno.remove(PACKAGE, { recursive: true }).catch(() => {});
  await Deno.mkdir(`${PACKAGE}/bin`, { recursive: true });
  await Deno.mkdir(`${PACKAGE}/lib/program`, { recursive: true });
  await bundle("main.ts", `${PACKAGE}/main.js`);
  await bundle("lib/program/worker.ts", `${PACKAGE}/lib/program/worker.js`);
  await Deno.mkdir(`${PACKAGE}/lib/auth`);
  await bundle("lib/auth/hash_worker.ts", `${PACKAGE}/lib/auth/hash_worker.js`);
  await run(Deno.execPath(), [
    ...["run", "--quiet", "--no-config", "--allow-all", COMPILER],
    ...["--declaration", "--rewriteRelativeImportExtensions", "--skipLibCheck"],
    ...["--module", "esnext", "--moduleResolution", "bundler", "--target", "es2022"],
    ...["--lib", "esnext,dom,dom.iterable,dom.asynciterable"],
    ...["--rootDir", "lib/http", "--outDir", `${PACKAGE}/http`],
    ...[`lib/http/mod.ts`],
  ]);
  await Deno.writeTextFile(`${PACKAGE}/bin/wireserve.js`, LAUNCHER, { mode: 0o755 });
  await Deno.writeTextFile(`${PACKAGE}/package.json`, JSON.stringify(MANIFEST, null, 2));
  for (const name of ["README.md", "LICENSE"]) {
    await Deno.copyFile(`${ROOT}${name}`, `${PACKAGE}/${name}`);
  }
  await run("npm", ["pack", "--silent", "--pack-destination", DIST], PACKAGE);
  console.log(`dist/wireserve-${config.version}.tgz`);
}

if (import.meta.main) await main();
