// Tests that need something which the run or the machine lacks are ignored, and their names say
// so: bare `deno test` grants nothing and is green all the same.

/** The permissions that tests ask for. */
export type Permission = "net" | "read" | "write" | "run" | "env";

/** The programs that tests run, and the system whose ways they count on. */
export type Tool =
  | "curl"
  | "openssl"
  | "wget"
  | "wrk"
  | "haproxy"
  | "mkfifo"
  | "script"
  | "linux"
  | "mount"
  | "bash"
  | "zsh"
  | "fish"
  | "mandoc"
  | "groff"
  | "systemd-analyze";

const PERMISSIONS: readonly string[] = ["net", "read", "write", "run", "env"];

/** What a test needs. Whoever needs a program needs the permission to run it as well. */
export type Need = Permission | Tool;

/** What every test of the whole program needs. */
export const FOR_PROGRAM: readonly Permission[] = ["net", "read", "write", "run", "env"];

/**
 * Registers a test that needs something.
 *
 * @param needs What it needs.
 * @param name Its name: "symbol() does X when Y".
 */
export function testWith(
  needs: readonly Need[],
  name: string,
  run: (context: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = needs.filter((need) => !isThere(need));
  const reason = missing.map((need) => isPermission(need) ? `--allow-${need}` : need).join(" ");
  Deno.test({
    name: missing.length === 0 ? name : `${name} (ignored: it needs ${reason})`,
    ignore: missing.length > 0,
    fn: run,
  });
}

function isPermission(need: Need): need is Permission {
  return PERMISSIONS.includes(need);
}

const found = new Map<Need, boolean>();

function isThere(need: Need): boolean {
  const known = found.get(need);
  if (known !== undefined) return known;
  const answer = look(need);
  found.set(need, answer);
  return answer;
}

function look(need: Need): boolean {
  if (isPermission(need)) return isGranted(need);
  if (need === "linux") return isLinux();
  return need === "mount" ? canMount() : canRun(need);
}

function isGranted(name: Permission): boolean {
  return Deno.permissions.querySync({ name }).state === "granted";
}

function isLinux(): boolean {
  return Deno.build.os === "linux";
}

function canRun(program: string): boolean {
  if (!isGranted("run")) return false;
  try {
    new Deno.Command(program, { args: ["--version"], stdin: "null" }).outputSync();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether a file system of a test's own can be mounted: for root only, and not everywhere. */
function canMount(): boolean {
  if (!isLinux() || !canRun("mount") || !isGranted("write")) return false;
  const folder = Deno.makeTempDirSync();
  const run = (name: string, ...args: string[]) => new Deno.Command(name, { args }).outputSync();
  const { success } = run("mount", "-t", "tmpfs", "-o", "size=1m", "none", folder);
  if (success) run("umount", folder);
  Deno.removeSync(folder);
  return success;
}
