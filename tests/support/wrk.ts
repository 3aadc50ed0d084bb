// A load of wrk, which is only there to be a load: what it tells is how many requests it has made.

/** What wrk has done. */
export interface Load {
  /** Requests that it has got the response of. */
  readonly requests: number;
  /** What it says of errors; empty where there were none. */
  readonly errors: string;
}

/** What wrk would count as an error, where a machine is busy: a response that takes this long. */
const TIMEOUT = "600s";

/** What it is told where somebody else is to stop it. */
const FOR_EVER = 3600;

/** Drives a URL for a second. */
export function drive(url: string, connections: number): Promise<Load> {
  return loadOf(start(url, connections, 1));
}

/** Drives a URL until told to stop, for whatever has to be under load. */
export function driveOn(url: string, connections: number): () => Promise<Load> {
  const process = start(url, connections, FOR_EVER);
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
