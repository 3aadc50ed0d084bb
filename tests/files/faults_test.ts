// Every system call on files fails with every error, in every kind of request, and what happens
// is what docs/storage.md says.

import { assert, assertEquals } from "@std/assert";
import { treeOf } from "../support/file_server.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Output, Program } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { type Answer, send } from "./faults/client.ts";
import { type Operation, OPERATIONS, writeFixtures } from "./faults/operations.ts";
import {
  type Call,
  compileShim,
  type ErrorName,
  ERRORS,
  type Fault,
  FaultControl,
} from "./faults/shim.ts";
import { FaultTables, type Outcome } from "./faults/tables.ts";

const DOCUMENT = new URL("../../docs/storage.md", import.meta.url);

const ALL_ERRORS = Object.keys(ERRORS) as readonly ErrorName[];

/** Without those that the tables put in one row with another one. */
const DIFFERENT_ERRORS = ALL_ERRORS.filter((error) =>
  !["EDQUOT", "ELOOP", "ENFILE"].includes(error)
);

/** Milliseconds after which a file that was changed may be cached. */
const QUIESCENT = 3100;

/** Attempts at a fault that something else than the request may meet. */
const ATTEMPTS = 4;

/** An upload beside those whose calls fail: it cleans up after them. */
const NEXT: Operation = {
  name: "the next upload",
  kind: "upload",
  line: "PUT /files/next",
  body: new Uint8Array(1),
  status: 201,
};

/** A program whose calls below a directory can fail. */
class Subject {
  readonly #program: Program;
  readonly #control: FaultControl;
  readonly #directory: string;
  readonly #tables: FaultTables;
  /** The lines that standard error has to have by now. */
  #lines = 0;

  constructor(
    program: Program,
    parts: { control: FaultControl; directory: string; tables: FaultTables },
  ) {
    this.#program = program;
    this.#control = parts.control;
    this.#directory = parts.directory;
    this.#tables = parts.tables;
  }

  async #prepareAndSend(operation: Operation): Promise<Answer> {
    await operation.prepare?.(this.#directory);
    return await send(this.#program.port, operation);
  }

  /** Sends a request without a fault. */
  async #succeed(operation: Operation, when: string): Promise<void> {
    const { status, isComplete } = await this.#prepareAndSend(operation);
    assert(isComplete && status === operation.status, `${operation.name} is ${status} ${when}`);
  }

  /** Has each call of a request fail with each of some errors. */
  async run(operation: Operation, errors: readonly ErrorName[]): Promise<void> {
    await this.#succeed(operation, "at first"); // Now its modules are loaded.
    await this.#succeed(operation, "again"); // Now it is cached.
    await operation.prepare?.(this.#directory);
    this.#control.disarm();
    await send(this.#program.port, operation);
    for (const [call, count] of this.#control.counts()) {
      for (const error of errors) {
        for (const first of samples(count)) {
          await this.#inject(operation, { call, error, first, times: 1 });
        }
        if (error !== "EINTR") {
          await this.#inject(operation, { call, error, first: 1, times: Infinity });
        }
        await this.#succeed(operation, `after ${error} of ${call}`);
      }
    }
    await until(() => this.openFiles().length === 0);
  }

  async #inject(operation: Operation, fault: Fault): Promise<void> {
    const { call, error, first, times } = fault;
    const what = `${operation.name}, ${call} ${first} x ${times}: ${error}`;
    let attempts = 0;
    let [answer, hasFailed] = await this.#sendWith(fault, operation);
    // The program checks the directory itself twice a second, which may be what fails.
    while (hasFailed && !this.#isAllowed(operation, fault, answer) && ++attempts < ATTEMPTS) {
      assertEquals(outcomeOf(operation, answer), "as usual", what);
      [answer, hasFailed] = await this.#sendWith(fault, operation);
    }
    // The number of calls differs from run to run where they are read ahead.
    const outcome = outcomeOf(operation, answer);
    if (hasFailed) assert(this.#isAllowed(operation, fault, answer), `${what}: ${outcome}`);
    else assertEquals(outcome, "as usual", what);
    this.#checkAnswer(operation, answer, outcome, what);
    await this.#checkReport(outcome, error, what);
    if (operation.change === undefined) return;
    await this.#checkFiles(operation, outcome, what);
    await this.#succeed(operation, `after ${what}`);
  }

  /** Sends a request with a fault, and returns whether a call has failed. */
  async #sendWith(fault: Fault, operation: Operation): Promise<[Answer, hasFailed: boolean]> {
    await operation.prepare?.(this.#directory);
    this.#control.arm(fault);
    const answer = await send(this.#program.port, operation);
    const hasFailed = this.#control.injected > 0;
    this.#control.disarm();
    return [answer, hasFailed];
  }

  #isAllowed(operation: Operation, fault: Fault, answer: Answer): boolean {
    if (this.#tables.allows(operation, fault, outcomeOf(operation, answer))) return true;
    // Without a fault, the status may be an error as well, and the same one.
    return operation.status >= 400 &&
      this.#tables.allows(operation, fault, String(answer.status));
  }

  #checkAnswer(operation: Operation, answer: Answer, outcome: Outcome, what: string): void {
    if (outcome === "as usual") {
      if (operation.content !== undefined) {
        assertEquals(answer.content.length, operation.content.length, what);
        assert(answer.content.every((byte, at) => byte === operation.content![at]), what);
      }
    } else if (outcome !== "aborted" && answer.status >= 400) {
      const text = new TextDecoder().decode(answer.content);
      const isHead = operation.line.startsWith("HEAD ");
      assert(isHead || this.#tables.sentences.has(text), `${what}: ${text}`);
      assertEquals(answer.head.includes("\r\nretry-after: 1\r\n"), answer.status === 503, what);
    }
  }

  /** One line where the disk is broken, and none elsewhere. */
  async #checkReport(outcome: Outcome, error: ErrorName, what: string): Promise<void> {
    if (error === "EIO" && outcome !== "as usual") this.#lines++;
    await until(() => this.lines.length >= this.#lines);
    assertEquals(this.lines.length, this.#lines, `${what}: ${this.lines.slice(-20).join("\n")}`);
    if (this.#lines > 0) {
      const line = this.lines.at(-1)!;
      assert(
        /^wireserve: [A-Z]+ \S+ \(\S+\): Error: Input\/output error \(os error 5\): \S/.test(line),
        `${what}: ${line}`,
      );
    }
  }

  /** Nothing half is there, and in the end nothing that does not belong there. */
  async #checkFiles({ change }: Operation, outcome: Outcome, what: string): Promise<void> {
    const { name, before, after } = change!;
    const content = await Deno.readFile(`${this.#directory}/${name}`).catch(() => null);
    const isAfter = isSame(content, after);
    assert(isAfter || outcome !== "as usual" && isSame(content, before), `${what}: half a file`);
    const isClean = async () => {
      const tree = await treeOf(this.#directory);
      const [top] = name.split("/");
      return !tree.some((path) => path.endsWith(".part")) &&
        (content !== null || name === top || !tree.includes(`${top}/`));
    };
    if (await isClean()) return;
    await this.#succeed({ ...NEXT, prepare: removeNext }, `after ${what}`);
    assert(await isClean(), `${what}: ${(await treeOf(this.#directory)).join(" ")}`);
  }

  /** The lines on standard error. */
  get lines(): string[] {
    return this.#program.stderr.split("\n").slice(0, -1);
  }

  /** The files below the directory that the program has open. */
  openFiles(): string[] {
    // Deno itself would need --allow-all for /proc.
    const { stdout } = new Deno.Command("find", {
      args: [`/proc/${this.#program.pid}/fd`, "-type", "l", "-printf", "%l\\n"],
      stderr: "null", // A descriptor may be closed meanwhile.
    }).outputSync();
    const paths = new TextDecoder().decode(stdout).split("\n");
    return paths.filter((path) => path.startsWith(this.#directory));
  }
}

async function removeNext(directory: string): Promise<void> {
  await Deno.remove(`${directory}/next`).catch(() => {});
}

/** Calls of a kind that each fail once: then it does not matter if another one was counted. */
const FEW = 10;

/** Of many calls of a kind, which ones fail: the first and the last ones, and one between. */
function samples(count: number): number[] {
  if (count <= FEW) return Array.from({ length: count }, (_, index) => index + 1);
  const all = [1, Math.ceil(count / 2), count - 2, count - 1, count];
  return [...new Set(all.filter((each) => each >= 1 && each <= count))];
}

function outcomeOf(operation: Operation, { status, isComplete }: Answer): Outcome {
  if (!isComplete) return "aborted";
  return status === operation.status ? "as usual" : String(status);
}

function isSame(one: Uint8Array | null, other: Uint8Array | null): boolean {
  if (one === null || other === null) return one === other;
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

interface MatrixOptions {
  readonly operations: readonly Operation[];
  readonly errorsOf: (operation: Operation) => readonly ErrorName[];
  /** Whether the files seem to be on NFS, so that no call is synchronous. */
  readonly isNetwork: boolean;
  /**
   * Whether all rows of the tables are to be seen. The program's check of its directory may meet the
   * one fault that shows a row; then the operations are repeated.
   */
  readonly seesAll?: boolean;
}

/** Runs the program and has its calls fail. Returns the tables, which know what has been seen. */
async function runMatrix(options: MatrixOptions): Promise<FaultTables> {
  const tables = new FaultTables(await Deno.readTextFile(DOCUMENT));
  await withDirectory(async (parent) => {
    const directory = `${parent}/served`;
    await Deno.mkdir(directory);
    await writeFixtures(directory);
    using control = new FaultControl(`${parent}/control`, options.isNetwork);
    const env = control.environment(await compileShim(parent), directory);
    const program = await Program.start([
      "--directory",
      directory,
      "--allow-delete",
      "--allow-host",
      "h",
    ], { env });
    let stderr = "";
    try {
      await new Promise((resolve) => setTimeout(resolve, QUIESCENT));
      const subject = new Subject(program, { control, directory, tables });
      const runAll = async () => {
        for (const operation of options.operations) {
          await subject.run(operation, options.errorsOf(operation));
        }
      };
      await runAll();
      for (let attempt = 1; options.seesAll && attempt < ATTEMPTS; attempt++) {
        if (tables.unused.length > 0) await runAll();
      }
    } finally {
      ({ stderr } = await program.stop());
    }
    const isReport = (line: string) => line === "" || line.includes("(os error 5)");
    assertEquals(stderr.split("\n").filter((line) => !isReport(line)), []);
  });
  return tables;
}

const NEEDS = [...FOR_PROGRAM, "linux", "cc"] as const;

testWith(NEEDS, "a failed system call has the outcome that docs/storage.md says", async () => {
  const { unused } = await runMatrix({
    operations: OPERATIONS,
    errorsOf: (operation) => operation.isTypical ? ALL_ERRORS : DIFFERENT_ERRORS,
    isNetwork: false,
    seesAll: true,
  });
  assertEquals(unused, [], "the document says more than what happens");
});

testWith(
  NEEDS,
  "a failed system call has the same outcome when calls are asynchronous",
  async () => {
    const some = ["GET uncached", "GET large", "GET listing", "POST in new directories", "DELETE"];
    const operations = OPERATIONS.filter(({ name }) => some.includes(name));
    const errorsOf = (): ErrorName[] => ["EIO", "ENOENT", "EMFILE", "EINTR"];
    await runMatrix({ operations, errorsOf, isNetwork: true });
  },
);

testWith(NEEDS, "removeStaleUploads() survives failed system calls", async () => {
  await withDirectory(async (parent) => {
    const directory = `${parent}/served`;
    const stale = [".", "below"].map((each) =>
      `${directory}/${each}/.wireserve-${crypto.randomUUID()}.part`
    );
    await Deno.mkdir(`${directory}/below`, { recursive: true });
    const makeStale = () => Promise.all(stale.map((path) => Deno.writeTextFile(path, "part")));
    using control = new FaultControl(`${parent}/control`);
    await using sweeper = new Sweeper(
      directory,
      control.environment(await compileShim(parent), directory),
    );
    await makeStale();
    control.disarm();
    assertEquals(await sweeper.sweep(), { removed: 2, reports: [] });
    for (const [call, count] of control.counts()) {
      for (const error of ALL_ERRORS) {
        for (const first of samples(count)) {
          await makeStale();
          control.arm({ call, error, first, times: 1 });
          const { removed, reports } = await sweeper.sweep();
          control.disarm();
          checkSweep({ call, error, removed, reports });
          await sweeper.sweep();
          assertEquals((await treeOf(directory)).filter((path) => path.endsWith(".part")), []);
        }
      }
    }
  });
});

interface Swept {
  readonly removed: number;
  readonly reports: readonly string[];
}

/** One line for what is skipped, unless it was just removed. */
function checkSweep(
  { call, error, removed, reports }: Swept & { call: Call; error: ErrorName },
): void {
  const what = `${call}, ${error}: ${removed} removed, ${reports}`;
  // Deno says "not found" for ELOOP where a file is opened.
  const isNothing = ["ENOENT", "ELOOP", "EINTR"].includes(error) || call === "dup";
  if (error !== "ELOOP") assertEquals(reports.length, isNothing ? 0 : 1, what);
  assert(error !== "EINTR" || removed === 2, what);
  for (const report of reports) assert(/^\w+: [^\n]+$/.test(report), what);
}

/** A process that removes stale uploads when it is asked to. */
class Sweeper {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: Output;
  #count = 0;

  constructor(directory: string, env: Record<string, string>) {
    const script = new URL("faults/sweep.ts", import.meta.url).pathname;
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-read", "--allow-write", script, directory],
      env: { ...env, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#output = new Output(this.#process.stdout);
  }

  async sweep(): Promise<Swept> {
    await this.#writer.write(new Uint8Array([10]));
    const at = this.#count++;
    await this.#output.until(new RegExp(`^(?:.*\n){${at + 1}}`));
    return JSON.parse(this.#output.text.split("\n")[at]!) as Swept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#output.done;
    await this.#process.status;
  }
}
