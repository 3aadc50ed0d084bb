// The crash test: the program is killed again and again while files are being written, and what
// it leaves is looked over. Each name holds one whole upload, no older than the last that was
// acknowledged, and at the next start what was unfinished is swept away.

import { assert, assertEquals } from "@std/assert";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { listTree } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { Random } from "../soak/random.ts";

/** Names that are written over and over. */
const NAMES = ["a", "b", "deep/er/c"];

/** The number of the last upload of each name that was acknowledged, and of the last begun. */
interface Ledger {
  readonly acknowledged: Map<string, number>;
  readonly begun: Map<string, number>;
  /** How many were acknowledged in all. */
  stored: number;
}

/** What a crash test has seen. */
export interface CrashReport {
  /** How often the program was killed. */
  readonly kills: number;
  /** Uploads that were acknowledged. */
  readonly stored: number;
  /** Unfinished uploads that a kill has left, and the next start has swept away. */
  readonly swept: number;
}

/**
 * Kills the program at random moments of uploads.
 *
 * @param path An empty directory to serve.
 * @param kills How often.
 * @param seed Decides the moments.
 */
export async function crash(path: string, kills: number, seed: number): Promise<CrashReport> {
  const random = new Random(seed);
  const ledger: Ledger = { acknowledged: new Map(), begun: new Map(), stored: 0 };
  let swept = 0;
  for (let round = 0; round < kills; round++) {
    const program = await Program.start(["--directory", path, "--log", "off"]);
    await until(async () => (await unfinished(path)).length === 0);
    const writers = NAMES.map((name) => write(program.port, name, ledger, random));
    // Some uploads later, be the disk slow or fast, and then at any moment of the next one.
    const enough = ledger.stored + random.integer(0, 4);
    await until(() => ledger.stored >= enough);
    await new Promise((resolve) => setTimeout(resolve, random.integer(0, 40)));
    await program.stop("SIGKILL");
    await Promise.all(writers);
    await checkFiles(path, ledger);
    swept += (await unfinished(path)).length;
  }
  const last = await Program.start(["--directory", path, "--log", "off"]);
  await until(async () => (await unfinished(path)).length === 0);
  await last.stop();
  return { kills, stored: ledger.stored, swept };
}

async function unfinished(path: string): Promise<string[]> {
  return (await listTree(path)).filter((name) => name.endsWith(".part"));
}

/** Writes a name again and again, until the program is gone. */
async function write(port: number, name: string, ledger: Ledger, random: Random): Promise<void> {
  try {
    using client = await RawClient.connect(port);
    for (;;) {
      const number = (ledger.begun.get(name) ?? 0) + 1;
      ledger.begun.set(name, number);
      const content = contentOf(number, random.integer(1, 400_000));
      await client.send(
        `PUT /files/${name} HTTP/1.1\r\nHost: h\r\nContent-Length: ${content.length}\r\n\r\n`,
      );
      await client.send(content);
      const { status } = await client.readResponse();
      assert(status === 201 || status === 204, `${status}`);
      ledger.acknowledged.set(name, number);
      ledger.stored++;
    }
  } catch (error) {
    if (error instanceof Error && error.name === "AssertionError") throw error;
    // The program has been killed: that is what this is about.
  }
}

/** A content that tells by itself whether it is whole: its number and length, and then one letter. */
function contentOf(number: number, length: number): string {
  return `${number} ${length}\n${String.fromCharCode(97 + number % 26).repeat(length)}`;
}

async function checkFiles(path: string, { acknowledged, begun }: Ledger): Promise<void> {
  for (const name of NAMES) {
    const text = await Deno.readTextFile(`${path}/${name}`).catch(() => null);
    const least = acknowledged.get(name) ?? 0;
    if (text === null) {
      assertEquals(least, 0, `${name} is lost`);
      continue;
    }
    const [, number, length] = /^([0-9]+) ([0-9]+)\n/.exec(text) ?? [];
    assert(text === contentOf(Number(number), Number(length)), `${name} is not whole`);
    const isKnown = Number(number) >= least && Number(number) <= begun.get(name)!;
    assert(isKnown, `${name} is upload ${number}, though ${least} was acknowledged`);
  }
}
