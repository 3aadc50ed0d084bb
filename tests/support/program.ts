// The real program, started by your_program.sh as a user would, on a port of its own.

import { until } from "./wait.ts";

/** The script that starts the program. */
export const SCRIPT: string = new URL("../../your_program.sh", import.meta.url).pathname;

/** Milliseconds before a test gives up: far more than anything should take. */
const PATIENCE = 30_000;

/** The end of a program, and its output. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The end of a program that was stopped. */
export interface Stopped extends Ended {
  /** All of its output, requests and events. */
  readonly log: string;
}

/** Options of a start. */
export interface StartOptions {
  /** Working directory. */
  readonly cwd?: string;
  /** Another path to the script. */
  readonly script?: string;
  /** Environment variables that differ. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Deno says on standard error what it downloads when its cache is empty. */
function withoutDownloads(output: string): string {
  return output.replaceAll(/^Download .*\n/gm, "");
}

/** What is on standard error beside the events of the log. */
function withoutEvents(output: string): string {
  return output.replaceAll(/^(?:\[[0-9]{2}\/[A-Z]|\{"time":).*\n/gm, "");
}

function command(args: readonly string[], options: StartOptions): Deno.Command {
  const { cwd, env, script = SCRIPT } = options;
  const deno = Deno.execPath().replace(/\/[^/]*$/, "");
  return new Deno.Command(script, {
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
    env: { PATH: `${deno}:${Deno.env.get("PATH")}`, NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs the program to its end. */
export async function runProgram(
  args: readonly string[],
  options: StartOptions = {},
): Promise<Ended> {
  const { code, signal, stdout, stderr } = await command(args, options)
    .output();
  const decoder = new TextDecoder();
  return {
    code,
    signal,
    stdout: decoder.decode(stdout),
    stderr: withoutDownloads(decoder.decode(stderr)),
  };
}

/** The output of a running program, on one of its streams or on several. */
export class Output {
  #text = "";
  readonly #texts: string[];
  #grown = Promise.withResolvers<void>();
  #isDone = false;
  /** Resolves at the end of the output. */
  readonly done: Promise<void>;

  /** @param streams Its standard output or standard error, or both. */
  constructor(...streams: readonly ReadableStream<Uint8Array>[]) {
    this.#texts = streams.map(() => "");
    const all = streams.map((stream, index) => this.#collect(stream, index));
    this.done = Promise.all(all).then(() => {
      this.#isDone = true;
      this.#wake();
    });
  }

  /** All of one stream so far. */
  textOf(index: number): string {
    return withoutDownloads(this.#texts[index]!);
  }

  /** All of it so far. */
  get text(): string {
    return withoutDownloads(this.#text);
  }

  async #collect(stream: ReadableStream<Uint8Array>, index: number): Promise<void> {
    const decoder = new TextDecoder();
    for await (const piece of stream) {
      const text = decoder.decode(piece, { stream: true });
      this.#text += text;
      this.#texts[index] += text;
      this.#wake();
    }
  }

  #wake(): void {
    this.#grown.resolve();
    this.#grown = Promise.withResolvers();
  }

  /** Waits until the text matches. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`No ${pattern} in time`)), PATIENCE);
    try {
      for (;;) {
        const match = pattern.exec(this.#text);
        if (match !== null) return match;
        if (this.#isDone) throw new Error(`The program ended without ${pattern}: ${this.#text}`);
        await Promise.race([this.#grown.promise, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The event of the log when the program serves. */
const SERVING = /\bserving\b[^\n]* at (?:https?:\/\/\S+:([0-9]+)\/|unix:\S+)/;

async function matchInFile(path: string, pattern: RegExp): Promise<RegExpExecArray> {
  let match: RegExpExecArray | null = null;
  await until(async () => {
    match = pattern.exec(await Deno.readTextFile(path).catch(() => ""));
    return match !== null;
  });
  return match!;
}

/** The program while it runs. */
export class Program {
  readonly #process: Deno.ChildProcess;
  /** Standard output, where the access log is, and standard error, where events are. */
  readonly #output: Output;
  /** The port that it listens on. */
  readonly port: number;

  private constructor(
    process: Deno.ChildProcess,
    output: Output,
    port: number,
  ) {
    this.#process = process;
    this.#output = output;
    this.port = port;
  }

  /** Starts the program on a free port, with further arguments, and waits until it serves. */
  static async start(
    args: readonly string[] = [],
    options: StartOptions = {},
  ): Promise<Program> {
    const process = command(["--port", "0", ...args], options).spawn();
    const output = new Output(process.stdout, process.stderr);
    const logFile = args[args.indexOf("--log-file") + 1];
    const [, port] = args.includes("--log-file")
      ? await matchInFile(logFile!, SERVING)
      : await output.until(SERVING);
    return new Program(process, output, Number(port ?? 0));
  }

  /** The process's number. */
  get pid(): number {
    return this.#process.pid;
  }

  /** What it has written to stdout so far. */
  get stdout(): string {
    return this.#output.textOf(0);
  }

  /** What it has written to stderr so far, without the events of the log. */
  get stderr(): string {
    return withoutEvents(this.#output.textOf(1));
  }

  /** What it has written so far, requests and events. */
  get log(): string {
    return this.#output.text;
  }

  /** Waits until the log matches. */
  until(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#output.until(pattern);
  }

  /** The URL of a path. */
  url(path = "/"): string {
    return `http://localhost:${this.port}${path}`;
  }

  /** Sends it a signal. */
  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Ends it with a signal, and waits until it is gone. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Stopped> {
    this.#process.kill(signal);
    const status = await this.#process.status;
    await this.#output.done;
    return { ...status, stdout: this.stdout, stderr: this.stderr, log: this.log };
  }
}

/** Runs with a program, and ends it after. */
export async function withProgram(
  args: readonly string[],
  run: (program: Program) => Promise<void>,
): Promise<void> {
  const program = await Program.start(args);
  try {
    await run(program);
  } finally {
    await program.stop();
  }
}
