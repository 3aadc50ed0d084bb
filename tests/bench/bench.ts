// A run: all servers are started, their responses are checked, and then they are driven in turn, in
// rounds. The budget of time is fixed: the remaining slices share the remaining time.

import { checkAnswer, WrongAnswer } from "./check.ts";
import { driveByWrk, driveUploads, type Load } from "./drive.ts";
import { idleConnections, measureIdle } from "./idle.ts";
import { cpuTime, memoryOf, resetPeak } from "./process.ts";
import type { Result } from "./results.ts";
import { type Programs, provideFiles, type Recipe, RunningServer, takesPart } from "./servers.ts";
import type { Metric, Work } from "./works.ts";

/** What to measure, and the budget of time. */
export interface Plan {
  readonly works: readonly Work[];
  readonly recipes: readonly Recipe[];
  readonly programs: Programs;
  /** An empty directory for files, on the disk to measure. */
  readonly directory: string;
  readonly rounds: number;
  /** Milliseconds of the whole run. */
  readonly budget: number;
  /** How many fresh processes idle connections, and the start, are measured with. */
  readonly idles: number;
  readonly starts: number;
  readonly connections: number;
  /** Warm-up before the measurement: each server in its first row only, or in every row. */
  readonly warms: "first" | "all";
  readonly report: (text: string) => void;
}

/** Milliseconds of a slice: wrk needs the minimum, and more than the maximum adds no precision. */
const SHORTEST = 250;
const LONGEST = 2000;

/** Milliseconds that a slice takes beside its load: start and end of wrk, reads of /proc. */
const OVERHEAD = 150;

const WARMING = 1000;

/** Milliseconds up to which a slice is repeated for twice as long if it had no response. */
const PATIENCE = 16_000;

interface Pair {
  readonly work: Work;
  readonly recipe: Recipe;
  readonly result: Result;
}

export class Benchmark {
  readonly #plan: Plan;
  readonly #end: number;
  readonly #pairs: readonly Pair[];
  readonly #servers = new Map<Recipe, RunningServer>();

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#end = performance.now() + plan.budget;
    this.#pairs = plan.works.flatMap((work) =>
      plan.recipes.filter((recipe) => takesPart(recipe, work, plan.programs)).map((recipe) => ({
        work,
        recipe,
        result: {
          work: work.id,
          family: recipe.family,
          server: work.isFile || recipe.reading === null
            ? recipe.name
            : recipe.name.replace(/ \(.*/, ""),
          samples: {},
          errors: [],
        },
      }))
    );
  }

  /** Measures everything. Failures are part of the results. */
  async run(): Promise<Result[]> {
    const driven = this.#pairs.filter(({ work }) => isDriven(work));
    try {
      await this.#startServers(driven);
      for (const pair of driven) await this.#attempt(pair, () => this.#check(pair));
      await this.#repeat("startup", this.#plan.starts, (server) => Promise.resolve(server.startup));
      const count = await idleConnections(this.#plan.connections);
      await this.#repeat("idle", this.#plan.idles, (server) => measureIdle(server, count));
      await this.#warm(driven);
      for (let round = 0; round < this.#plan.rounds; round++) await this.#round(driven, round);
    } finally {
      for (const server of this.#servers.values()) await server.stop();
    }
    return this.#pairs.map(({ result }) => result);
  }

  async #startServers(driven: readonly Pair[]): Promise<void> {
    const needed = new Set(driven.map(({ recipe }) => recipe));
    for (const [index, recipe] of [...needed].entries()) {
      const directory = `${this.#plan.directory}/server-${index}`;
      await provideFiles(`${this.#plan.directory}/originals`, directory, this.#plan.works);
      await this.#start(recipe, directory);
    }
    this.#plan.report(`${this.#servers.size} servers are up`);
  }

  /** A server that does not start invalidates only its own figures. */
  async #start(recipe: Recipe, directory: string): Promise<void> {
    try {
      this.#servers.set(recipe, await RunningServer.start(recipe, directory));
    } catch (error) {
      for (const { result } of this.#pairs.filter((pair) => pair.recipe === recipe)) {
        result.errors.push(String(error));
      }
      this.#plan.report(`INVALID: ${recipe.name}: ${error}`);
    }
  }

  /** A failure of one server in one row invalidates only their figures. */
  async #attempt({ work, result }: Pair, action: () => Promise<void>): Promise<void> {
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
      this.#plan.report(`INVALID: ${result.server}, ${work.title}: ${error}`);
    }
  }

  async #check({ work, recipe }: Pair): Promise<void> {
    await checkAnswer(this.#servers.get(recipe)!.port, recipe.family, work);
  }

  async #repeat(
    kind: "idle" | "startup",
    times: number,
    measure: (server: RunningServer) => Promise<number>,
  ): Promise<void> {
    const pairs = this.#pairs.filter(({ work }) => work.kind === kind);
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
    for (const work of this.#plan.works) {
      const pairs = driven.filter((pair) => pair.work === work);
      for (const pair of rotate(pairs, round)) {
        const share = (this.#end - performance.now()) / left-- - OVERHEAD;
        const milliseconds = Math.min(LONGEST, Math.max(SHORTEST, share));
        await this.#attempt(pair, () => this.#measure(pair, milliseconds));
      }
    }
    this.#plan.report(`round ${round + 1} of ${this.#plan.rounds} is done`);
  }

  /** Drives a server, and records its memory: the warm-up counts as well. */
  async #load(pair: Pair, milliseconds: number): Promise<{ load: Load; peak: number }> {
    const server = this.#servers.get(pair.recipe)!;
    await resetPeak(server.pid);
    const { resident } = await memoryOf(server.pid);
    const load = await this.#drive(pair.work, server, milliseconds);
    const { peak } = await memoryOf(server.pid);
    add(pair.result, "growth", Math.max(0, peak - resident));
    return { load, peak };
  }

  async #measure(pair: Pair, milliseconds: number): Promise<void> {
    const { recipe, result } = pair;
    const { pid } = this.#servers.get(recipe)!;
    // On a busy machine, a short slice may end before the first response.
    for (let length = milliseconds;; length *= 2) {
      const before = await cpuTime(pid);
      const { load, peak } = await this.#load(pair, length);
      const cpu = await cpuTime(pid) - before;
      if (load.requests === 0 && load.errors.length === 0 && length < PATIENCE) continue;
      result.errors.push(...load.errors, ...(load.requests === 0 ? ["not one response"] : []));
      add(result, "rate", load.requests / load.seconds);
      add(result, "cpu", cpu / load.requests);
      add(result, "p50", load.p50);
      add(result, "p99", load.p99);
      add(result, "peak", peak);
      return;
    }
  }

  async #drive(work: Work, { pid, port }: RunningServer, milliseconds: number): Promise<Load> {
    if (work.kind === "uploads") return await driveUploads(work, port, milliseconds);
    const before = await cpuTime(pid);
    // CPU time is counted in long ticks: on a busy machine a slice may fall between two.
    const isTold = async () => await cpuTime(pid) > before;
    const script = `${this.#plan.directory}/${work.id}.lua`;
    return await driveByWrk(work, port, milliseconds, script, isTold);
  }
}

function isDriven({ kind }: Work): boolean {
  return kind === "wrk" || kind === "uploads";
}

function add({ samples }: Result, metric: Metric, value: number): void {
  (samples[metric] ??= []).push(value);
}

/** Rotates the order in each round, so that no server is always first. */
function rotate<T>(all: readonly T[], by: number): T[] {
  const start = all.length === 0 ? 0 : by % all.length;
  return [...all.slice(start), ...all.slice(0, start)];
}
