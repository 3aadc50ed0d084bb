// The rows of docs/permissions.md: the program runs with exactly those permissions, and says in one
// line which of them is missing. It runs on a terminal, where Deno could prompt: it must not.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ROOT } from "../support/embedded_files.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { freePort } from "../support/ports.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const NEEDS = [...FOR_PROGRAM, "linux", "script", "openssl", "curl"] as const;

/** A row of the document: flags of the program, and the permissions that they need. */
interface Use {
  readonly flags: readonly string[];
  /** A flag of Deno, and one of its values. */
  readonly permissions: readonly (readonly [flag: string, value: string])[];
}

async function uses(): Promise<Use[]> {
  const document = await Deno.readTextFile(`${ROOT}docs/permissions.md`);
  const rows = [...document.matchAll(/^\| `([^`]+)` +\| `([^`]+)` +\|/gm)];
  return rows.map(([, flags = "", permissions = ""]) => ({
    flags: flags.split(" "),
    permissions: permissions.split(" ").flatMap((permission) => {
      const [flag = "", values = ""] = permission.split("=");
      return values.split(",").map((value) => [flag, value] as const);
    }),
  }));
}

const BASE: Use["permissions"] = ["127.0.0.1:4221", "[::1]:4221"].map((each) =>
  ["--allow-net", each] as const
);

/** The paths and ports that stand in a test for those of the document. */
class Place {
  readonly folder: string;
  readonly #names: readonly (readonly [name: string, here: string])[];

  constructor(folder: string) {
    this.folder = folder;
    this.#names = [
      ["/srv/", `${folder}/`],
      ["/run/", `${folder}/`],
      ["/var/log/", `${folder}/`],
      ["/etc/ssl/", `${folder}/`],
      ["WIRESERVE/", ROOT],
      [":4221", `:${freePort()}`],
      [":9100", `:${freePort()}`],
    ];
  }

  here(text: string): string {
    return this.#names.reduce((now, [name, here]) => now.replaceAll(name, here), text);
  }
}

/** Runs with a directory that has files and a certificate. */
async function withPlace(run: (place: Place) => Promise<void>): Promise<void> {
  await withDirectory(async (folder) => {
    await Deno.mkdir(`${folder}/files`);
    await Deno.writeTextFile(`${folder}/files/there`, "content");
    await Deno.mkdir(`${folder}/wireserve`);
    const { success } = await new Deno.Command("openssl", {
      args: [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
        ...["-subj", "/CN=localhost", "-keyout", `${folder}/wireserve/key.pem`],
        ...["-out", `${folder}/wireserve/cert.pem`],
      ],
      stderr: "null",
    }).output();
    assert(success);
    await run(new Place(folder));
  });
}

/** The program on a terminal. */
class OnTerminal {
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #text = "";
  #isOver = false;

  constructor({ flags, permissions }: Use, place: Place, cwd = ROOT) {
    const command = [
      ...[Deno.execPath(), "run", "--config", `${ROOT}deno.json`],
      ...permissions.map(([flag, value]) => `${flag}=${value}`),
      ...[`${ROOT}main.ts`, ...flags],
      ...flags.includes("--unix") ? [] : ["--port", place.here(":4221").slice(1)],
    ].map((word) => `'${place.here(word).replaceAll("'", "'\\''")}'`).join(" ");
    this.#process = new Deno.Command("script", {
      args: ["-qec", `echo pid $$; exec ${command}`, "/dev/null"],
      cwd,
      env: { NO_COLOR: "1", SHELL: "/bin/sh", TERM: "dumb" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.#text += text.replaceAll("\r", "");
    }
    this.#isOver = true;
  }

  /** The output without its first line, which the shell has written. */
  get text(): string {
    return this.#text.replace(/^.*\n/, "");
  }

  /** Waits until it serves, ends or prompts. Returns whether it serves. */
  async begin(logFile: string | null = null): Promise<boolean> {
    let isServing = false;
    await until(async () => {
      const log = logFile === null ? this.text : await readOrNothing(logFile);
      isServing = / at (?:https?|unix):/.test(log);
      return isServing || this.#isOver || /Allow\?/.test(this.#text);
    });
    return isServing;
  }

  async stop(): Promise<{ readonly code: number; readonly text: string }> {
    const pid = /^pid ([0-9]+)$/m.exec(this.#text)?.[1];
    if (!this.#isOver) Deno.kill(Number(pid), "SIGTERM");
    const { code } = await this.#process.status;
    await this.#reading;
    await this.#process.stdin.close();
    return { code, text: this.text };
  }
}

async function readOrNothing(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}

async function curl(...args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command("curl", {
    args: ["-sk", "-w", " %{http_code}", ...args],
  }).output();
  return new TextDecoder().decode(stdout);
}

/** Sends requests to everything that the flags turn on. */
async function exercise({ flags }: Use, place: Place): Promise<void> {
  const has = (flag: string) => flags.includes(flag);
  const valueOf = (flag: string) => place.here(flags[flags.indexOf(flag) + 1] ?? "");
  const to = has("--unix") ? ["--unix-socket", valueOf("--unix")] : [];
  const url = `${has("--tls-cert") ? "https" : "http"}://localhost${place.here(":4221")}`;
  for (let connection = 0; connection < 8; connection++) {
    assertEquals(await curl(...to, `${url}/echo/a`), "a 200");
  }
  if (has("--directory")) {
    assertEquals(await curl(`${url}/files/there`), "content 200");
    assertMatch(await curl(`${url}/files/`), / 200$/);
    assertEquals(await curl(`${url}/files/missing/file`), "There is no such file.\n 404");
    const put = await curl("-X", "PUT", "--data", "new", `${url}/files/folder/new`);
    assertMatch(put, has("--read-only") ? / 405$/ : / 201$/);
  }
  if (has("--admin")) {
    const address = valueOf("--admin");
    const admin = address.startsWith("/")
      ? ["--unix-socket", address, "http://localhost/metrics"]
      : [`http://${address}/metrics`];
    assertMatch(await curl(...admin), /wireserve_requests_total\{[^]* 200$/);
  }
}

function logFileOf({ flags }: Use, place: Place): string | null {
  return flags.includes("--log-file") ? place.here(flags[flags.indexOf("--log-file") + 1]!) : null;
}

testWith(
  NEEDS,
  "the program runs with the permissions of each row of docs/permissions.md",
  () =>
    withPlace(async (place) => {
      const all = await uses();
      assert(all.length >= 8);
      for (const use of all) {
        const program = new OnTerminal(use, place);
        const isServing = await program.begin(logFileOf(use, place));
        if (isServing) await exercise(use, place);
        const { code, text } = await program.stop();
        assertEquals({ isServing, code }, { isServing: true, code: 0 }, `${use.flags}: ${text}`);
        assert(!/requires|NotCapable|Allow|rror/.test(text), text);
      }
    }),
);

testWith(
  NEEDS,
  "the program says which permission is missing, in one line, and does not ask",
  () =>
    withPlace(async (place) => {
      for (const { flags, permissions } of await uses()) {
        for (const missing of permissions) {
          const use = { flags, permissions: permissions.filter((each) => each !== missing) };
          const program = new OnTerminal(use, place);
          await program.begin(logFileOf(use, place));
          const { code, text } = await program.stop();
          const [flag, value] = missing.map((each) => place.here(each));
          assertEquals(
            { code, text },
            { code: 1, text: `wireserve: not permitted: run deno with ${flag}=${value}\n` },
            flags.join(" "),
          );
        }
      }
    }),
);

testWith(
  NEEDS,
  "the program asks for the permission of a directory's real path",
  () =>
    withPlace(async (place) => {
      const { folder } = place;
      await Deno.symlink("files", `${folder}/link`);
      const files = `${folder}/files`;
      for (const given of ["files", "files/", "./files/../files", `${files}/`, "link", "link/"]) {
        const isLink = given.startsWith("link");
        const permissions = [
          ...BASE,
          ["--allow-read", files],
          ["--allow-write", files],
          ...isLink ? [["--allow-read", `${folder}/link`]] : [],
        ] as Use["permissions"];
        const use = { flags: ["--directory", given], permissions };
        const program = new OnTerminal(use, place, folder);
        assert(await program.begin(), `${given}: ${program.text}`);
        await exercise(use, place);
        assertEquals((await program.stop()).code, 0);
        await Deno.remove(`${files}/folder`, { recursive: true });
        if (!isLink) continue;
        const alone = new OnTerminal(
          { ...use, permissions: permissions.slice(0, -1) },
          place,
          folder,
        );
        await alone.begin();
        assertEquals(
          (await alone.stop()).text,
          // Without the permission the program cannot know the target of the link.
          `wireserve: not permitted: run deno with --allow-read=${given} --allow-write=${given}\n`,
        );
      }
    }),
);

testWith(
  NEEDS,
  "the program does not ask for the real path of its log",
  () =>
    withPlace(async (place) => {
      await Deno.symlink("files", `${place.folder}/link`);
      const log = `${place.folder}/link/log`;
      const permissions = [...BASE, ["--allow-read", log], ["--allow-write", log]] as const;
      await Deno.writeTextFile(log, "a line that was not en");
      const program = new OnTerminal({ flags: ["--log-file", log], permissions }, place);
      assert(await program.begin(log), program.text);
      assertEquals((await program.stop()).code, 0);
      assertMatch(await Deno.readTextFile(log), /^a line that was not en\n.* serving /);
    }),
);

testWith(
  NEEDS,
  "the program names all missing permissions at once, and needs none for --help",
  () =>
    withPlace(async (place) => {
      const flags = ["--directory", "/srv/it's", "--bind", "127.0.0.1", "--workers", "auto"];
      const program = new OnTerminal({ flags, permissions: [] }, new Place("/nowhere"));
      await program.begin();
      const { code, text } = await program.stop();
      assertEquals(code, 1);
      const line = "--allow-read=/nowhere/it's,WIRESERVE/lib,WIRESERVE/vendor";
      assert(text.includes(place.here(line.replace("'", "'\\''"))), text);
      assertEquals(text.split("\n").length, 2, text);
      for (const flag of ["--help", "--version", "--completions=fish"]) {
        const { success, stderr } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "--no-prompt", `${ROOT}main.ts`, flag],
        }).output();
        assertEquals({ success, said: stderr.length }, { success: true, said: 0 });
      }
    }),
);
