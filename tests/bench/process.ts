// CPU time and resident memory of a process and its descendants, from /proc (proc(5)). Programs
// read it, since Deno itself reads below /proc only with all permissions.

export interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** CPU time of all its threads and of its reaped children, in clock ticks. */
  readonly ticks: number;
}

/** Resident memory of a process and its descendants, in bytes. */
export interface Memory {
  readonly resident: number;
  /** The highest since {@linkcode resetPeak}. */
  readonly peak: number;
}

/**
 * Parses a line of /proc/PID/stat: the name is in parentheses and may contain any characters.
 *
 * @throws {SyntaxError} if it is malformed.
 */
export function parseStat(line: string): Stat {
  const [, pid, rest] = /^([0-9]+) \(.*\) (.*)$/s.exec(line.trim()) ?? [];
  const fields = (rest ?? "").split(" ");
  const times = fields.slice(11, 15).map(Number); // utime, stime, cutime, cstime
  if (times.length < 4 || !times.every(Number.isInteger)) {
    throw new SyntaxError(`No line of stat: ${JSON.stringify(line)}`);
  }
  return { pid: Number(pid), parent: Number(fields[1]), ticks: times.reduce((a, b) => a + b) };
}

export function family(stats: readonly Stat[], pid: number): Stat[] {
  const members = stats.filter((each) => each.pid === pid);
  for (const { pid: parent } of members) { // Grows while it is walked.
    members.push(...stats.filter((each) => each.parent === parent));
  }
  return members;
}

/** The CPU time of a process and its descendants, in microseconds. */
export async function cpuTime(pid: number): Promise<number> {
  const members = await familyOf(pid);
  const ticks = members.reduce((sum, each) => sum + each.ticks, 0);
  return ticks * 1e6 / await ticksPerSecond();
}

async function familyOf(pid: number): Promise<Stat[]> {
  const lines = await shell("cat /proc/[0-9]*/stat 2>/dev/null || true");
  const members = family(lines.trim().split("\n").map(parseStat), pid);
  if (members.length === 0) throw new Error(`The process ${pid} has ended`);
  return members;
}

let rate: Promise<number> | null = null;

function ticksPerSecond(): Promise<number> {
  rate ??= shell("getconf CLK_TCK").then(Number);
  return rate;
}

export async function memoryOf(pid: number): Promise<Memory> {
  const statuses = await Promise.all(
    (await familyOf(pid)).map((each) => shell(`cat /proc/${each.pid}/status`)),
  );
  const sum = (name: string) =>
    statuses.reduce((total, status) => {
      const kibibytes = new RegExp(`^${name}:\\s+([0-9]+) kB$`, "m").exec(status)?.[1] ?? "0";
      return total + 1024 * Number(kibibytes);
    }, 0);
  return { resident: sum("VmRSS"), peak: sum("VmHWM") };
}

/** Resets the peak of memory, if the system permits it: else it is that of the whole run. */
export async function resetPeak(pid: number): Promise<void> {
  const files = (await familyOf(pid)).map((each) => `/proc/${each.pid}/clear_refs`);
  await shell(`for file in ${files.join(" ")}; do echo 5 2>/dev/null >"$file" || true; done`);
}

/** Waits until a process has a handler for SIGINT, or has ended. */
export async function untilInterruptible(pid: number): Promise<void> {
  // The last digit of the mask has the signals from 1 to 4: SIGINT, 2, is its bit of value 2.
  const catches = `grep -qs '^SigCgt:.*[2367abef]$' /proc/${pid}/status`;
  await shell(`until ${catches} || [ $? -gt 1 ]; do sleep 0.01; done`);
}

async function shell(script: string): Promise<string> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", script],
    stdin: "null",
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout);
}

/** The limit of open descriptors of this process, which its children inherit. */
export async function descriptorLimit(): Promise<number> {
  const limit = (await shell("ulimit -n")).trim();
  return limit === "unlimited" ? Infinity : Number(limit);
}
