// The files of docs/packaging/: the unit of systemd, and the Dockerfile, whose instructions are
// checked without building an image.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseOptions } from "../../lib/options/parse.ts";
import { embedded, ROOT } from "../support/embedded_files.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";

const PACKAGING = `${ROOT}docs/packaging/`;
const UNIT = `${PACKAGING}wireserve.service`;
const BINARY = "/usr/local/bin/wireserve";

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function analyze(...args: string[]): Promise<Said> {
  const { code, stdout, stderr } = await new Deno.Command("systemd-analyze", {
    args: [...args, "--no-pager"],
    env: { NO_COLOR: "1", SYSTEMD_COLORS: "0", LC_ALL: "C.UTF-8" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function settingOf(unit: string, name: string): string {
  return new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1] ?? "";
}

testWith(
  [...FOR_PROGRAM, "systemd-analyze"],
  "systemd accepts wireserve.service",
  () =>
    withDirectory(async (folder) => {
      const copy = `${folder}/wireserve.service`;
      const unit = await Deno.readTextFile(UNIT);
      // systemd-analyze verify needs an existing program.
      await Deno.writeTextFile(copy, unit.replace(BINARY, "/bin/true"));
      assertEquals(await analyze("verify", "--man=no", copy), { code: 0, stdout: "", stderr: "" });
      await Deno.writeTextFile(copy, unit.replace("ProtectSystem=", "ProtectSystems="));
      assertMatch((await analyze("verify", "--man=no", copy)).stderr, /ProtectSystems/);
    }),
);

/** The drop-ins of docs/packaging.md. */
async function dropIns(): Promise<string[]> {
  const guide = await Deno.readTextFile(`${ROOT}docs/packaging.md`);
  return [...guide.matchAll(/```ini\n([^]*?)```/g)].map(([, block]) => block!);
}

testWith(
  [...FOR_PROGRAM, "systemd-analyze"],
  "systemd and the program accept the drop-ins of docs/packaging.md",
  () =>
    withDirectory(async (folder) => {
      const unit = await Deno.readTextFile(UNIT);
      assertEquals((await dropIns()).length, 2);
      for (const dropIn of await dropIns()) {
        const [, flags] = /^ExecStart=\/\S+ ([^]*)$/m.exec(dropIn)!;
        parseOptions(flags!.replaceAll("\\\n", " ").trim().split(/\s+/));
        const copy = `${folder}/wireserve.service`;
        await Deno.writeTextFile(copy, `${unit}\n${dropIn}`.replaceAll(BINARY, "/bin/true"));
        const said = await analyze("verify", "--man=no", copy);
        assertEquals(said, { code: 0, stdout: "", stderr: "" }, dropIn);
      }
    }),
);

testWith(
  [...FOR_PROGRAM, "systemd-analyze"],
  "wireserve.service is as little exposed as it and docs/packaging.md say",
  async () => {
    const unit = await Deno.readTextFile(UNIT);
    const [, exposure, version] = /exposure ([0-9.]+) with systemd ([0-9]+)/.exec(unit)!;
    const guide = await Deno.readTextFile(`${ROOT}docs/packaging.md`);
    assert(guide.replaceAll(/\s+/g, " ").includes(`exposure ${exposure} with systemd ${version}`));
    const { stdout } = await analyze("security", "--offline=true", UNIT);
    const [, measured] = /exposure level for wireserve\.service: ([0-9.]+)/.exec(stdout)!;
    const here = /^systemd ([0-9]+)/.exec((await analyze("--version")).stdout)?.[1];
    // Other versions of systemd rate other settings.
    if (here === version) assertEquals(measured, exposure);
    else assert(Math.abs(Number(measured) - Number(exposure)) < 0.5, `${measured} by ${here}`);
  },
);

testWith(["read"], "wireserve.service starts what the program takes, and outwaits it", async () => {
  const unit = await Deno.readTextFile(UNIT);
  const [binary, ...args] = settingOf(unit, "ExecStart").split(" ");
  assertEquals(binary, BINARY);
  const { grace, limits } = parseOptions(args);
  assert(Number(settingOf(unit, "TimeoutStopSec")) * 1000 > grace + 5000);
  assert(Number(settingOf(unit, "LimitNOFILE")) > 2 * (limits.connections ?? 16_384));
  assert(settingOf(unit, "RestrictAddressFamilies").includes("AF_UNIX"));
  assert(!/^MemoryDenyWriteExecute=/m.test(unit));
});

/** The instructions of the Dockerfile, by their names. */
async function instructions(): Promise<(readonly [name: string, rest: string])[]> {
  const text = await Deno.readTextFile(`${PACKAGING}Dockerfile`);
  return text.split("\n").filter((line) => /^[A-Z]/.test(line)).map((line) => {
    const [name = "", ...rest] = line.split(" ");
    return [name, rest.join(" ")] as const;
  });
}

testWith(FOR_PROGRAM, "the Dockerfile copies what the binary is made of", async () => {
  const copied = (await instructions())
    .filter(([name, rest]) => name === "COPY" && !rest.startsWith("--from"))
    .flatMap(([, rest]) => rest.split(" ").slice(0, -1));
  for (const path of copied) await Deno.stat(`${ROOT}${path}`);
  const isCopied = (file: string) =>
    copied.some((path) => file === path || file.startsWith(`${path}/`));
  for (const file of [...(await embedded()).files, "deno.lock"]) assert(isCopied(file), file);
  const ignore = await Deno.readTextFile(`${PACKAGING}Dockerfile.dockerignore`);
  const letIn = [...ignore.matchAll(/^!(.+)$/gm)].map(([, path]) => path!);
  assertEquals(letIn.sort(), copied.sort());
});

testWith(["read"], "the Dockerfile starts the program as it can be started", async () => {
  const all = await instructions();
  const last = (name: string) => all.findLast(([each]) => each === name)?.[1] ?? "";
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  for (const [, task] of last("RUN").matchAll(/deno task ([a-z-]+)/g)) assert(task! in tasks);
  assert(last("RUN").includes("deno task compile"));
  const script = await Deno.readTextFile(`${ROOT}your_program.sh`);
  const [, version] = /deno:bin-([0-9.]+) /.exec(all[0]![1])!;
  assert(script.includes(`deno@${version}`));
  assert(all.some(([name, rest]) => name === "COPY" && rest.endsWith(` ${BINARY}`)));
  assertEquals(JSON.parse(last("ENTRYPOINT")), [BINARY]);
  const { directory, bind, port } = parseOptions(JSON.parse(last("CMD")));
  assertEquals([directory, bind, port], [last("VOLUME"), "0.0.0.0", Number(last("EXPOSE"))]);
  assertEquals(last("STOPSIGNAL"), "SIGTERM");
  assertMatch(last("USER"), /^[1-9][0-9]*:[1-9][0-9]*$/);
});
