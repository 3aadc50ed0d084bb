// Load by wrk, of which only the number of requests and the errors matter.

export interface Load {
  readonly requests: number;
  /** Its line about errors, or empty. */
  readonly errors: string;
}

/** A response that takes longer is an error: never, even on a busy machine. */
const TIMEOUT = "600s";

/** Seconds of a run that the test stops earlier. */
const LONGEST = 3600;

/** Drives a URL for a second. */
export function drive(url: string, connections: number): Promise<Load> {
  return loadOf(start(url, connections, 1));
}

/** Drives a URL until the function that it returns is called. */
export function driveOn(url: string, connections: number): () => Promise<Load> {
  const process = start(url, connections, LONGEST);
  const load = loadOf(process);
  return () => {
    process.kill("SIGINT");
    return load;
  };
}

function start(url: string, connections: number, seconds: number): Deno.ChildProcess {
  return new Deno.Command("wrk", {
    args: ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", TIMEOUT, url],
    stdin: "null",
    stdout: "piped",
  }).spawn();
}

async function loadOf(process: Deno.ChildProcess): Promise<Load> {
  const text = await new Response(process.stdout).text();
  await process.status;
  const errors = /^.*(?:Socket errors|Non-2xx).*$/m.exec(text)?.[0].trim() ?? "";
  return { requests: Number(/([0-9]+) requests in/.exec(text)?.[1]), errors };
}
