// A run: all servers are started, their responses are checked, and then they are driven in turn, in
// rounds. The budget of time is fixed: the remaining slices share the remaining time.

import { checkAnswer, WrongAnswer } from "./check.ts";
import { drivePages, driveUploads, driveVisits, watch } from "./clients.ts";
import { FILE_SETS, type FileSetName, linkFiles, writeFiles } from "./files.ts";
import { measureIdle } from "./idle.ts";
import { drivePictures } from "./pictures.ts";
import { cpuTime, memoryOf, resetPeak } from "./process.ts";
import { type Recipe, takesPart } from "./recipes.ts";
import type { Result } from "./results.ts";
import type { Metric, Row } from "./row.ts";
import { RunningServer } from "./servers.ts";
import { driveByWrk, type Load } from "./wrk.ts";

/** What to measure, and the budget of time. */
export interface Plan {
  readonly rows: readonly Row[];
  readonly recipes: readonly Recipe[];
  /** An empty directory for files, on the disk to measure. */
  readonly directory: string;
  readonly rounds: number;
  /** Milliseconds of the whole run. */
  readonly budget: number;
  /** How many fresh processes idle connections, and the start, are measured with. */
  readonly idles: number;
  readonly starts: number;
  /** Idle connections of each process. */
  readonly connections: number;
  /** Warm-up before the measurement: each server in its first row only, or in every row. */
  readonly warms: "first" | "all";
  readonly report: (text: string) => void;
}

/** Milliseconds of a slice at most, unless its row wants more: more adds no precision. */
const LONGEST = 2000;

/** Milliseconds up to which a slice is repeated for twice as long if it had no response. */
const PATIENCE = 16_000;

/** Milliseconds that a slice takes beside its load: start and end of wrk, reads of /proc. */
const OVERHEAD = 200;

const WARMING = 700;

/** Milliseconds for which files must be unchanged before Wireserve caches them, and some more. */
const QUIESCENT_AFTER = 3200;

interface Pair {
  readonly row: Row;
  readonly recipe: Recipe;
  readonly result: Result;
  /** The number of its next request: loads go on where the one before has ended. */
  next: number;
}

export class Benchmark {
  readonly #plan: Plan;
  readonly #end: number;
  readonly #pairs: readonly Pair[];
  readonly #servers = new Map<Recipe, RunningServer>();

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#end = performance.now() + plan.budget;
    this.#pairs = plan.rows.flatMap((row) =>
      plan.recipes.filter((recipe) => takesPart(recipe, row)).map((recipe) => ({
        row,
        recipe,
        result: {
          row: row.id,
          family: recipe.family,
          server: row.isFile ? recipe.name : recipe.name.replace(/ \(.*/, ""),
          samples: {},
          errors: [],
        },
        // The check has requested the first pages.
        next: row.driver === "pages" ? FILE_SETS.first.count : 0,
      }))
    );
  }

  /** Measures everything. Failures are part of the results. */
  async run(): Promise<Result[]> {
    const driven = this.#pairs.filter(({ row }) => isDriven(row));
    try {
      await this.#startServers(driven);
      for (const pair of driven) await this.#attempt(pair, () => this.#check(pair));
      await this.#repeat("startup", this.#plan.starts, (server) => Promise.resolve(server.startup));
      const { idles, connections } = this.#plan;
      await this.#repeat("idle", idles, (server) => measureIdle(server, connections));
      await this.#warm(driven);
      for (let round = 0; round < this.#plan.rounds; round++) await this.#round(driven, round);
    } finally {
      for (const server of this.#servers.values()) await server.stop();
    }
    return this.#pairs.map(({ result }) => result);
  }

  async #startServers(driven: readonly Pair[]): Promise<void> {
    const { directory, rounds, rows } = this.#plan;
    const originals = `${directory}/originals`;
    await writeFiles(originals, setsOf(rows), rounds + 2); // And for the check and the warm-up.
    const needed = [...new Set(driven.map(({ recipe }) => recipe))];
    const rowsOf = (recipe: Recipe) =>
      driven.filter((pair) => pair.recipe === recipe).map(({ row }) => row);
    for (const [index, recipe] of needed.entries()) {
      const files = `${directory}/server-${index}/files`;
      await Deno.mkdir(files, { recursive: true });
      await linkFiles(originals, setsOf(rowsOf(recipe)), files);
    }
    const linkedAt = performance.now();
    for (const [index, recipe] of needed.entries()) await this.#start(recipe, index);
    this.#plan.report(`${this.#servers.size} servers are up`);
    const wait = linkedAt + QUIESCENT_AFTER - performance.now();
    if (setsOf(rows).length > 0 && wait > 0) await pause(wait);
  }

  /** A server that does not start invalidates only its own figures. */
  async #start(recipe: Recipe, index: number): Promise<void> {
    try {
      const root = `${this.#plan.directory}/server-${index}`;
      this.#servers.set(recipe, await RunningServer.start(recipe, root));
    } catch (error) {
      for (const { result } of this.#pairs.filter((pair) => pair.recipe === recipe)) {
        result.errors.push(String(error));
      }
      this.#plan.report(`INVALID: ${recipe.name}: ${error}`);
    }
  }

  /** A failure of one server in one row invalidates only their figures. */
  async #attempt({ row, result }: Pair, action: () => Promise<void>): Promise<void> {
    if (result.errors.length > 0) return;
    try {
      await action();
    } catch (error) {
      const problem = error instanceof WrongAnswer
        ? `wrong answer: ${error.message}`
        : String(error);
      result.errors.push(problem);
    }
    for (const error of result.errors) {
      this.#plan.report(`INVALID: ${result.server}, ${row.title}: ${error}`);
    }
  }

  async #check({ row, recipe }: Pair): Promise<void> {
    await checkAnswer(this.#servers.get(recipe)!.address, recipe.family, row);
  }

  async #repeat(
    kind: "idle" | "startup",
    times: number,
    measure: (server: RunningServer) => Promise<number>,
  ): Promise<void> {
    const pairs = this.#pairs.filter(({ row }) => row.driver === kind);
    for (let round = 0; round < times; round++) {
      for (const pair of rotate(pairs, round)) {
        await this.#attempt(pair, async () => {
          const directory = await Deno.makeTempDir({ dir: this.#plan.directory });
          await using server = await RunningServer.start(pair.recipe, directory);
          add(pair.result, kind, await measure(server));
        });
      }
    }
    if (pairs.length > 0) this.#plan.report(`${kind} has been measured`);
  }

  async #warm(driven: readonly Pair[]): Promise<void> {
    const warm = new Set<Recipe>();
    for (const pair of driven) {
      const { recipe } = pair;
      if (this.#plan.warms === "first" && warm.has(recipe)) continue;
      warm.add(recipe);
      // Too short for a complete large file: only a measured load must have no errors.
      await this.#attempt(pair, async () => void await this.#load(pair, WARMING));
    }
    this.#plan.report("all servers are warm");
  }

  async #round(driven: readonly Pair[], round: number): Promise<void> {
    let left = (this.#plan.rounds - round) * driven.length;
    for (const row of this.#plan.rows) {
      const pairs = driven.filter((pair) => pair.row === row);
      for (const pair of rotate(pairs, round)) {
        const share = (this.#end - performance.now()) / left-- - OVERHEAD;
        const milliseconds = Math.max(row.shortest, Math.min(LONGEST, share));
        await this.#attempt(pair, () => this.#measure(pair, milliseconds));
      }
    }
    this.#plan.report(`round ${round + 1} of ${this.#plan.rounds} is done`);
  }

  /** Drives a server, and records its memory: the warm-up counts as well. */
  async #load(pair: Pair, milliseconds: number): Promise<Load> {
    const { row, recipe, result } = pair;
    const server = this.#servers.get(recipe)!;
    if (!row.metrics.includes("peak")) return await this.#drive(pair, server, milliseconds);
    await resetPeak(server.pid);
    const { resident } = await memoryOf(server.pid);
    const load = await this.#drive(pair, server, milliseconds);
    const { peak } = await memoryOf(server.pid);
    add(result, "peak", peak);
    add(result, "growth", Math.max(0, peak - resident));
    return load;
  }

  async #measure(pair: Pair, milliseconds: number): Promise<void> {
    const { recipe, result } = pair;
    const { pid } = this.#servers.get(recipe)!;
    // On a busy machine, a short slice may end before the first response.
    for (let length = milliseconds;; length *= 2) {
      const before = await cpuTime(pid);
      const load = await this.#load(pair, length);
      const cpu = await cpuTime(pid) - before;
      if (load.requests === 0 && load.errors.length === 0 && length < PATIENCE) continue;
      result.errors.push(...load.errors, ...(load.requests === 0 ? ["not one response"] : []));
      add(result, "rate", load.requests / load.seconds);
      add(result, "cpu", cpu / load.requests);
      for (const metric of ["p50", "p99", "p999", "max"] as const) {
        add(result, metric, load[metric]);
      }
      return;
    }
  }

  async #drive(pair: Pair, server: RunningServer, milliseconds: number): Promise<Load> {
    const { row, next } = pair;
    const { address, pid } = server;
    if (row.driver === "uploads") return await driveUploads(row, address, milliseconds);
    if (row.driver === "visits") return await driveVisits(row, address, milliseconds);
    if (row.driver === "pictures") return await drivePictures(row, address, milliseconds);
    if (row.driver === "pages") {
      const load = await drivePages(row, address, next);
      pair.next += load.requests;
      return load;
    }
    const stopWatching = await watch(row, address);
    const before = await cpuTime(pid);
    const load = await driveByWrk({
      request: row.request,
      address,
      connections: row.connections,
      answerSize: row.answer.file === "large" ? FILE_SETS.large.content(0).length : null,
      first: next,
      milliseconds,
      script: `${this.#plan.directory}/${row.id}.lua`,
      // CPU time is counted in long ticks: on a busy machine a slice may fall between two.
      isEnough: async () => await cpuTime(pid) > before,
    });
    pair.next += Math.ceil(load.requests) + row.connections;
    return { ...load, max: Math.max(load.max, await stopWatching()) };
  }
}

function setsOf(rows: readonly Row[]): FileSetName[] {
  return [...new Set(rows.flatMap(({ files }) => files))];
}

function isDriven({ driver }: Row): boolean {
  return driver !== "idle" && driver !== "startup";
}

function add({ samples }: Result, metric: Metric, value: number): void {
  (samples[metric] ??= []).push(value);
}

/** Rotates the order in each round, so that no server is always first. */
function rotate<T>(all: readonly T[], by: number): T[] {
  const start = all.length === 0 ? 0 : by % all.length;
  return [...all.slice(start), ...all.slice(0, start)];
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
