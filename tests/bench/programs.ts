// The programs that take part if they are installed, and sentences about those that are not.

/** Commands, or null for what is not installed. */
export interface Found {
  readonly wrk: string | null;
  readonly node: string | null;
  readonly nginx: string | null;
  readonly caddy: string | null;
  readonly hasOpenssl: boolean;
  readonly hasChromium: boolean;
  /** Sentences about the versions, and about what is left out. */
  readonly notes: readonly string[];
}

interface Program {
  readonly command: string;
  readonly version: string;
}

export async function findPrograms(): Promise<Found> {
  const [wrk, node, caddy] = [
    await find("wrk", "--version"),
    await find("node", "--version"),
    await find("caddy", "version"),
  ];
  // Debian's is in a directory that only the PATH of root has.
  const nginx = await find("nginx", "-v") ?? await find("/usr/sbin/nginx", "-v");
  const openssl = await find("openssl", "version");
  const chromium = await find("chromium", "--version");
  // Where Node.js is missing, Deno may run itself in its place, but does not say "v20.0.0".
  const isNode = node?.version.startsWith("v") ?? false;
  return {
    wrk: wrk?.command ?? null,
    node: isNode ? node!.command : null,
    nginx: nginx?.command ?? null,
    caddy: caddy?.command ?? null,
    hasOpenssl: openssl !== null,
    hasChromium: chromium !== null,
    notes: [
      `Deno ${Deno.version.deno}, wrk ${numberOf(wrk)}, ${navigator.hardwareConcurrency} CPUs; ` +
      "medians [ranges], and their ratio to Wireserve.",
      "Two workers have their CPU time counted together; wrk takes a core of its own, and on two " +
      "CPUs the rest is what they get.",
      isNode
        ? `node:http is run by Node.js ${numberOf(node)}.`
        : "node:http is run by Deno: node is not on the PATH.",
      nginx === null ? leftOut("nginx is", "nginx") : `nginx ${numberOf(nginx)}, one worker.`,
      caddy === null ? leftOut("Caddy is", "caddy") : `Caddy ${numberOf(caddy)}, on all cores.`,
      ...(openssl === null ? [leftOut("The rows over TLS are", "openssl")] : []),
      ...(chromium === null ? [leftOut("The row with pictures is", "chromium")] : []),
    ],
  };
}

function leftOut(subject: string, command: string): string {
  return `${subject} left out: ${command} is not installed (Debian: apt-get install ${command}).`;
}

function numberOf(program: Program | null): string {
  return /[0-9]+(\.[0-9]+)+/.exec(program?.version ?? "")?.[0] ?? "";
}

/** A program and what it says for its version flag, or null if there is no such program. */
async function find(command: string, flag: string): Promise<Program | null> {
  try {
    const { stdout, stderr } = await new Deno.Command(command, { args: [flag] }).output();
    const decoder = new TextDecoder();
    return { command, version: `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim() };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
