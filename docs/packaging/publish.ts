// `deno task publish` publishes to JSR what deno.json includes, without "links", which are for machines
// that cannot reach JSR. With --dry-run it publishes nothing; then the links are kept where JSR is out
// of reach, since nothing could be checked without them.

import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url).pathname;

async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

async function canReachJsr(): Promise<boolean> {
  try {
    const response = await fetch("https://jsr.io/@std/cli/meta.json", {
      signal: AbortSignal.timeout(5000),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

const needsLinks = Deno.args.includes("--dry-run") && !await canReachJsr();
const temporary = await Deno.makeTempDir();
const folder = `${temporary}/package`;
try {
  await Deno.mkdir(folder);
  for (const name of config.publish.include) await copy(`${ROOT}${name}`, `${folder}/${name}`);
  const { links, ...published } = config;
  // Beside the package, not in it: nothing of them is published.
  const kept = needsLinks ? { links: links.map((link) => link.replace(/^\.\//, "../")) } : {};
  if (needsLinks) {
    console.log("JSR cannot be reached: checked with what stands in for it.");
    await copy(`${ROOT}vendor`, `${temporary}/vendor`);
  }
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ ...published, ...kept }));
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--allow-dirty", ...Deno.args],
    cwd: folder,
  }).spawn().status;
  Deno.exitCode = code;
} finally {
  await Deno.remove(temporary, { recursive: true });
}
