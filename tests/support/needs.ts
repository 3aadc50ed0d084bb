// Tests whose permissions or tools are missing are ignored, and their names say so. Bare `deno
// test` grants nothing and succeeds; `deno task test:unit` grants reading only, and so runs the
// tests that open no socket and start no program.

export type Permission = "net" | "read" | "write" | "run" | "env";

/** The programs that tests run, and systems that they depend on. */
export type Tool =
  | "curl"
  | "openssl"
  | "wget"
  | "wrk"
  | "haproxy"
  | "python3"
  | "python-requests"
  | "unzip"
  | "rclone"
  | "tar"
  | "mkfifo"
  | "script"
  | "linux"
  | "mount"
  | "bash"
  | "zsh"
  | "fish"
  | "mandoc"
  | "groff"
  | "systemd-analyze"
  | "cc"
  | "gluster"
  | "chromium"
  | "firefox-esr"
  | "node"
  | "npm";

const PERMISSIONS: readonly string[] = ["net", "read", "write", "run", "env"];

/** What a test needs. A test that needs a program needs the permission to run it as well. */
export type Need = Permission | Tool;

/** What every test that starts Wireserve as a program needs. */
export const FOR_PROGRAM: readonly Permission[] = ["net", "read", "write", "run", "env"];

/**
 * Registers a test, which is ignored if something that it needs is missing.
 *
 * @param needs What it needs.
 * @param name Its name: "symbol() does X when Y".
 */
export function testWith(
  needs: readonly Need[],
  name: string,
  run: (context: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = needs.filter((need) => !isAvailable(need));
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

function isAvailable(need: Need): boolean {
  const known = found.get(need);
  if (known !== undefined) return known;
  const isFound = detect(need);
  found.set(need, isFound);
  return isFound;
}

function detect(need: Need): boolean {
  if (isPermission(need)) return isGranted(need);
  if (need === "linux") return isLinux();
  if (need === "gluster") return canRunGluster();
  if (need === "python-requests") return canImport("requests");
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

/** Whether Python has a module. */
function canImport(module: string): boolean {
  const args = ["-c", `import ${module}`];
  return canRun("python3") &&
    new Deno.Command("python3", { args, stdin: "null", stderr: "null" }).outputSync().success;
}

/** Whether a tmpfs can be mounted: only by root, and not in every container. */
function canMount(): boolean {
  if (!isLinux() || !canRun("mount") || !isGranted("write")) return false;
  const directory = Deno.makeTempDirSync();
  const run = (name: string, ...args: string[]) => new Deno.Command(name, { args }).outputSync();
  const { success } = run("mount", "-t", "tmpfs", "-o", "size=1m", "none", directory);
  if (success) run("umount", directory);
  Deno.removeSync(directory);
  return success;
}

/**
 * GlusterFS, FUSE, and a network namespace: only root has them, and not in every container. Deno
 * reads /dev and /proc with all permissions only.
 */
function canRunGluster(): boolean {
  if (!isLinux() || !canRun("glusterd") || !canRun("glusterfs") || !canRun("ip")) return false;
  try {
    Deno.statSync("/dev/fuse");
  } catch {
    return false;
  }
  const name = `wireserve-probe-${Deno.pid}`;
  const run = (...args: string[]) => new Deno.Command("ip", { args }).outputSync().success;
  return run("netns", "add", name) && run("netns", "del", name);
}
