// Real clients that resume, upload and seek: what people do with a file server.

import { assertEquals } from "@std/assert";
import { FOR_PROGRAM, type Need, testWith, type Tool } from "../support/needs.ts";
import { type Program, withProgram } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";

const SIZE = 3_000_000;

/** Runs with the program, a file of random bytes that it serves, and a folder for the client. */
function testClient(
  needs: readonly Need[],
  name: string,
  run: (program: Program, bytes: Uint8Array<ArrayBuffer>, folder: string) => Promise<void>,
): void {
  testWith(
    [...FOR_PROGRAM, ...needs],
    name,
    () =>
      withDirectory((served) =>
        withDirectory((folder) =>
          withProgram(["--directory", served], async (program) => {
            const bytes = new Uint8Array(SIZE);
            for (let at = 0; at < SIZE; at += 60_000) {
              crypto.getRandomValues(bytes.subarray(at, at + 60_000));
            }
            await Deno.writeFile(`${served}/video`, bytes);
            await run(program, bytes, folder);
          })
        )
      ),
  );
}

async function execute(name: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(name, { args }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

testClient(["curl"], "curl -C - resumes a download", async (program, bytes, folder) => {
  await Deno.writeFile(`${folder}/video`, bytes.subarray(0, 1_234_567));
  const url = program.url("/files/video");
  const status = await execute(
    "curl",
    "-sS",
    "-C",
    "-",
    "-o",
    `${folder}/video`,
    "-w",
    "%{http_code}",
    url,
  );
  assertEquals(status, "206");
  assertEquals(await Deno.readFile(`${folder}/video`), bytes);
});

testClient(["wget"], "wget -c resumes a download", async (program, bytes, folder) => {
  await Deno.writeFile(`${folder}/video`, bytes.subarray(0, 2_000_000));
  await execute("wget", "-q", "-c", "-O", `${folder}/video`, program.url("/files/video"));
  assertEquals(await Deno.readFile(`${folder}/video`), bytes);
});

testClient(
  ["curl"],
  "curl -T uploads, and what it uploads comes back",
  async (program, bytes, folder) => {
    await Deno.writeFile(`${folder}/upload`, bytes);
    const put = (path: string) =>
      execute("curl", "-sS", "-T", `${folder}/upload`, "-w", "%{http_code}", program.url(path));
    assertEquals(await put("/files/new/"), "201");
    assertEquals(await put("/files/new/upload"), "204");
    const back = await fetch(program.url("/files/new/upload"));
    assertEquals(await back.bytes(), bytes);
  },
);

testClient(
  ["curl"],
  "curl -z asks only for what is newer, by its copy's date",
  async (program, _, folder) => {
    const url = program.url("/files/video");
    await execute("curl", "-sS", "-R", "-o", `${folder}/copy`, url);
    const again = await execute(
      "curl",
      "-sS",
      "-z",
      `${folder}/copy`,
      "-o",
      `${folder}/again`,
      "-w",
      "%{http_code}",
      url,
    );
    assertEquals(again, "304");
  },
);

testClient(
  [],
  "a player that seeks gets the bytes from there on, each time",
  async (program, bytes) => {
    const url = program.url("/files/video");
    const first = await fetch(url, { headers: { "Range": "bytes=0-" } });
    assertEquals(first.status, 206);
    await first.body!.cancel(); // The player has seen the file's head, and jumps.
    const tail = await fetch(url, { headers: { "Range": "bytes=-65536" } });
    assertEquals(await tail.bytes(), bytes.slice(-65_536));
    for (const start of [2_500_000, 100, 1_500_000, 2_999_999]) {
      const part = await fetch(url, {
        headers: { "Range": `bytes=${start}-`, "If-Range": first.headers.get("ETag")! },
      });
      assertEquals(part.headers.get("Content-Range"), `bytes ${start}-${SIZE - 1}/${SIZE}`);
      assertEquals(await part.bytes(), bytes.slice(start));
    }
  },
);

const CRAWLERS: readonly [
  tools: readonly Tool[],
  name: string,
  args: (url: string, to: string) => string[],
][] = [
  [["wget"], "wget", (url, to) => ["-q", "-r", "-np", "-nH", "-e", "robots=off", "-P", to, url]],
  [["rclone"], "rclone", (url, to) => ["copy", "-q", "--http-url", url, ":http:", to]],
];

for (const [tools, name, args] of CRAWLERS) {
  testWith(
    [...FOR_PROGRAM, ...tools],
    `${name} copies a whole folder by its listings`,
    () =>
      withDirectory(async (folder) => {
        const files = { "a b.txt": "a", "in/<c>.txt": "c", "in/deep/d.txt": "d", "Übung.txt": "e" };
        await Deno.mkdir(`${folder}/in/deep`, { recursive: true });
        for (const [path, text] of Object.entries(files)) {
          await Deno.writeTextFile(`${folder}/${path}`, text);
        }
        await withDirectory(async (copy) => {
          await withProgram([folder, "--log", "off"], async (program) => {
            await execute(name, ...args(program.url("/"), copy));
          });
          for (const [path, text] of Object.entries(files)) {
            assertEquals(await Deno.readTextFile(`${copy}/${path}`), text, path);
          }
        });
      }),
  );
}

testWith(
  [...FOR_PROGRAM, "python3"],
  "urllib of Python lists, stores and deletes",
  () =>
    withDirectory(async (folder) => {
      const script = `
import json, sys, urllib.request
url = sys.argv[1]
def ask(method, path, data=None, **headers):
    request = urllib.request.Request(url + path, data, headers, method=method)
    with urllib.request.urlopen(request) as response:
        return response.status, response.read()
assert ask("PUT", "a%20b", b"x" * 1000000)[0] == 201
assert json.loads(ask("GET", "", Accept="application/json")[1])[0]["size"] == 1000000
assert ask("GET", "a%20b", Range="bytes=0-2") == (206, b"xxx")
assert ask("DELETE", "a%20b")[0] == 204
`;
      await withProgram([folder, "-w", "--allow-delete", "--log", "off"], async (program) => {
        await execute("python3", "-c", script, program.url("/"));
      });
    }),
);

testWith(
  [...FOR_PROGRAM, "python-requests"],
  "requests of Python uploads several files as a form, streams, seeks and deletes",
  () =>
    withDirectory(async (folder) => {
      const script = `
import requests, sys
url = sys.argv[1]
with requests.Session() as session:
    def ask(method, path, **more):
        response = session.request(method, url + path, **more)
        assert response.ok, (method, path, response.status_code, response.text)
        return response
    large = bytes(range(256)) * 4096
    files = [("file", ("a b.txt", b"a")), ("file", ("\u00dcbung.bin", large, "image/png"))]
    response = ask("POST", "", files=files)
    assert response.status_code == 201, response.status_code
    assert [entry["name"] for entry in ask("GET", "", headers={"Accept": "application/json"}).json()] \\
        == ["a b.txt", "\u00dcbung.bin"]
    assert ask("GET", "%C3%9Cbung.bin").content == large
    part = ask("GET", "%C3%9Cbung.bin", headers={"Range": "bytes=256-511"})
    assert (part.status_code, part.content) == (206, large[256:512])
    ask("PUT", "chunks", data=(bytes([each]) * 1000 for each in range(100)))
    assert len(ask("GET", "chunks").content) == 100000
    ask("DELETE", "chunks")
    assert session.get(url + "chunks").status_code == 404
`;
      const flags = [folder, "-w", "--allow-delete", "--log", "off"];
      await withProgram(flags, async (program) => {
        await execute("python3", "-c", script, program.url("/"));
      });
      assertEquals((await Deno.stat(`${folder}/Übung.bin`)).size, 1 << 20);
    }),
);
