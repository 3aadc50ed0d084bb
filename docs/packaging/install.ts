// `deno task install` installs the clone as the command `wireserve`, by `deno install -g`, which copies
// the configuration to another folder: so that has no relative "links", but the same code from npm.

import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url).pathname;

/** What stands in for JSR, as in vendor/std. */
const STD: Readonly<Record<string, string>> = {
  "@std/cli/parse-args": "npm:deno-std@1.4.0/cli/parse_args.js",
  "@std/streams/to-bytes": "npm:deno-std@1.4.0/streams/to_bytes.js",
};

const packages = Object.entries(config.imports).filter(([, target]) => target.startsWith("npm:"));
const installed = {
  imports: { ...Object.fromEntries(packages), ...STD },
  unstable: config.unstable,
};

await Deno.mkdir(`${ROOT}dist`, { recursive: true });
const path = `${ROOT}dist/deno.json`;
await Deno.writeTextFile(path, JSON.stringify(installed));
const { code } = await new Deno.Command(Deno.execPath(), {
  args: [
    ...["install", "--global", "--force", "--no-lock", "--config", path, "--name", "wireserve"],
    ...["--allow-net", "--allow-read", "--allow-write"],
    ...["--allow-sys=statfs,networkInterfaces,hostname", ...Deno.args, `${ROOT}main.ts`],
  ],
}).spawn().status;
Deno.exit(code);
