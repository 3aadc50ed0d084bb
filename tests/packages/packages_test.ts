// The packages, as users get them: packed or staged, installed in an empty folder, and run.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Output } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const env = { NO_COLOR: "1", ...options.env };
  const command = new Deno.Command(program, { args: [...args], cwd: options.cwd ?? ROOT, env });
  const { success, stdout, stderr } = await command.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success, `${program} ${args.join(" ")}:\n${out}${err}`);
  return out! + err!;
}

const task = (name: string, ...args: string[]) =>
  [Deno.execPath(), ["task", "-q", name, ...args]] as const;

/** Starts a program, asks it for something, and ends it by SIGTERM. */
async function use(program: string, args: string[], env = {}): Promise<Deno.CommandStatus> {
  const child = new Deno.Command(program, {
    args: [...args, "--port", "0", "--log", "off"],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const outputs = [new Output(child.stdout), new Output(child.stderr)];
  const url = await Promise.any(outputs.map(async (output) => {
    await output.until(/http:\S+/);
    return /http:\S+/.exec(output.text)![0];
  }));
  assertEquals(await (await fetch(`${url}echo/packed`)).text(), "packed");
  child.kill("SIGTERM");
  const status = await child.status;
  await Promise.all(outputs.map(({ done }) => done));
  return status;
}

const CLIENT = `
import { RequestParser } from "wireserve/http";
const parser = new RequestParser();
parser.push(new TextEncoder().encode("GET /a HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n"));
console.log(parser.next().head.path);
`;

testWith(
  [...FOR_PROGRAM, "node", "npm"],
  "the npm package runs with Node.js alone, and lib/http in it",
  () =>
    withDirectory(async (folder) => {
      const packed = (await run(...task("pack"))).trim().split("\n").at(-1)!;
      await Deno.writeTextFile(`${folder}/package.json`, '{ "private": true }');
      await run("npm", ["install", "--silent", "--no-audit", ROOT + packed], { cwd: folder });
      const program = `${folder}/node_modules/.bin/wireserve`;
      assertMatch(await run(program, ["--version"]), /^wireserve [0-9.]+\n$/);
      for (const workers of ["1", "2"]) {
        const flags = ["--directory", folder, "--workers", workers];
        assertEquals((await use(program, flags)).code, 0);
      }
      await Deno.writeTextFile(`${folder}/client.mjs`, CLIENT);
      assertEquals(await run("node", ["client.mjs"], { cwd: folder }), "/a\n");
      const types = `${folder}/node_modules/wireserve/http/mod.d.ts`;
      assertMatch(await Deno.readTextFile(types), /RequestParser/);
    }),
);

testWith(FOR_PROGRAM, "deno publish accepts the package, without tests and vendor", async () => {
  const said = await run(...task("publish", "--dry-run"));
  assertMatch(said, /Dry run complete/);
  const files = [...said.matchAll(/\/package\/(\S+) \(/g)].map(([, path]) => path!);
  assert(files.includes("main.ts") && files.includes("lib/mod.ts"), said);
  const top = new Set(files.map((path) => path.split("/")[0]));
  const expected = ["CHANGELOG.md", "LICENSE", "README.md", "deno.json", "lib", "main.ts"];
  assertEquals([...top].sort(), expected);
});

testWith(
  FOR_PROGRAM,
  "deno task install makes a command of the clone",
  () =>
    withDirectory(async (folder) => {
      await run(...task("install", "--quiet"), { env: { DENO_INSTALL_ROOT: folder } });
      const program = `${folder}/bin/wireserve`;
      const path = `${Deno.execPath().replace(/\/[^/]*$/, "")}:${Deno.env.get("PATH")}`;
      const status = await use(program, ["--directory", folder, "--workers", "2"], { PATH: path });
      assertEquals(status.code, 0);
    }),
);

testWith(
  FOR_PROGRAM,
  "the program says what it lacks where it runs without its deno.json",
  () =>
    withDirectory(async (folder) => {
      const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
      const std = {
        "@std/cli/parse-args": `${ROOT}vendor/std/cli/parse_args.ts`,
        "@std/streams/to-bytes": `${ROOT}vendor/std/streams/to_bytes.ts`,
      };
      await Deno.writeTextFile(
        `${folder}/deno.json`,
        JSON.stringify({ imports: { ...imports, ...std } }),
      );
      const flags = ["--allow-net", "--allow-read", "--allow-write"];
      const args = ["run", "--quiet", "--config", `${folder}/deno.json`, ...flags];
      const program = [...args, `${ROOT}main.ts`, "--directory", folder];
      assertEquals((await use(Deno.execPath(), program)).code, 0);
      const command = new Deno.Command(Deno.execPath(), {
        args: [...program, "--port", "0", "--workers", "2"],
        env: { NO_COLOR: "1" },
      });
      const { code, stderr } = await command.output();
      assertEquals(code, 1);
      assertMatch(new TextDecoder().decode(stderr), /^wireserve: .*--unstable-net.*\n$/);
    }),
);
