// The crash test: the program is killed repeatedly while files are uploaded. Each name must then
// have one complete upload, no older than the last that was acknowledged, and the next start must
// remove unfinished uploads.

import { assert, assertEquals } from "@std/assert";
import { Program } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { listTree } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { Random } from "../soak/random.ts";

const NAMES = ["a", "b", "deep/er/c"];

/** By name, the numbers of the last acknowledged upload and of the last that was begun. */
interface Ledger {
  readonly acknowledged: Map<string, number>;
  readonly begun: Map<string, number>;
  stored: number;
}

export interface CrashReport {
  readonly kills: number;
  readonly stored: number;
  /** Unfinished uploads that a kill left behind, and the next start removed. */
  readonly removed: number;
}

/**
 * Kills the program at random moments during uploads.
 *
 * @param path An empty directory to serve.
 * @param kills How often.
 * @param seed Decides the moments.
 */
export async function crash(path: string, kills: number, seed: number): Promise<CrashReport> {
  const random = new Random(seed);
  const ledger: Ledger = { acknowledged: new Map(), begun: new Map(), stored: 0 };
  let removed = 0;
  for (let round = 0; round < kills; round++) {
    const program = await Program.start(["--directory", path, "--log", "off"]);
    await until(async () => (await unfinished(path)).length === 0);
    const writers = NAMES.map((name) => write(program.port, name, ledger, random));
    // After some uploads, however slow the disk is, and then at a random moment of the next.
    const enough = ledger.stored + random.integer(0, 4);
    await until(() => ledger.stored >= enough);
    await new Promise((resolve) => setTimeout(resolve, random.integer(0, 40)));
    await program.stop("SIGKILL");
    await Promise.all(writers);
    await checkFiles(path, ledger);
    removed += (await unfinished(path)).length;
  }
  const last = await Program.start(["--directory", path, "--log", "off"]);
  await until(async () => (await unfinished(path)).length === 0);
  await last.stop();
  return { kills, stored: ledger.stored, removed };
}

async function unfinished(path: string): Promise<string[]> {
  return (await listTree(path)).filter((name) => name.endsWith(".part"));
}

/** Uploads a file repeatedly, until the program is killed. */
async function write(port: number, name: string, ledger: Ledger, random: Random): Promise<void> {
  try {
    using client = await RawClient.connect(port);
    for (;;) {
      const number = (ledger.begun.get(name) ?? 0) + 1;
      ledger.begun.set(name, number);
      const content = contentOf(number, random.integer(1, 400_000));
      await client.send(request(`PUT /files/${name}`, `Content-Length: ${content.length}`));
      await client.send(content);
      const { status } = await client.readResponse();
      assert(status === 201 || status === 204, `${status}`);
      ledger.acknowledged.set(name, number);
      ledger.stored++;
    }
  } catch (error) {
    if (error instanceof Error && error.name === "AssertionError") throw error;
    // The program has been killed.
  }
}

/** Content that shows whether it is complete: its number and length, and then one letter. */
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
    assert(text === contentOf(Number(number), Number(length)), `${name} is not complete`);
    const isKnown = Number(number) >= least && Number(number) <= begun.get(name)!;
    assert(isKnown, `${name} is upload ${number}, though ${least} was acknowledged`);
  }
}
