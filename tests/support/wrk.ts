// A load of wrk, which is only there to be a load: what it tells is how many requests it has made.

/** What wrk has done. */
export interface Load {
  /** Requests that it has got the response of. */
  readonly requests: number;
  /** What it says of errors; empty where there were none. */
  readonly errors: string;
}

/** Drives a URL for whole seconds. */
export async function drive(url: string, connections: number, seconds = 1): Promise<Load> {
  const { stdout } = await new Deno.Command("wrk", {
    args: ["-t1", `-c${connections}`, `-d${seconds}s`, url],
  }).output();
  const text = new TextDecoder().decode(stdout);
  const errors = /^.*(?:Socket errors|Non-2xx).*$/m.exec(text)?.[0].trim() ?? "";
  return { requests: Number(/([0-9]+) requests in/.exec(text)?.[1]), errors };
}
