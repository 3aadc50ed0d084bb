// A real distributed file system: a GlusterFS volume of three replicas, whose servers are in a
// network namespace of their own, and which is mounted through FUSE several times on this machine.
// All that it starts is ended by its process id, and all traffic stays on the machine.

import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

/** The first two bytes are reserved for tests of networks (RFC 2544). */
const NETWORK = `198.18.${Deno.pid & 255}`;
const OUTSIDE = `${NETWORK}.1`;
const INSIDE = `${NETWORK}.2`;

const NAMESPACE = `wireserve-${Deno.pid}`;
const LINK = `ws${Deno.pid}`;
const VOLUME = "files";

/**
 * What one machine has changed, the others see at once: nothing is cached for a time. And a file is
 * open at the servers from the start, so that it can be read to its end although it is replaced.
 */
export const VOLUME_OPTIONS: Readonly<Record<string, string>> = {
  "performance.stat-prefetch": "off",
  "performance.quick-read": "off",
  "performance.open-behind": "off",
  "performance.io-cache": "off",
  "performance.readdir-ahead": "off",
  "performance.write-behind": "off",
};

/** The same for the kernel of each machine. */
export const MOUNT_OPTIONS = ["attribute-timeout=0", "entry-timeout=0", "negative-timeout=0"];

async function execute(name: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(name, { args, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  if (!success) throw new Error(`${name} ${args.join(" ")}: ${text}${decoder.decode(stderr)}`);
  return text;
}

function isRunning(pid: number): boolean {
  try {
    // A zombie has ended, although its parent may not have noticed.
    return !/\) Z /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

function signal(pid: number, name: Deno.Signal): void {
  if (isRunning(pid)) Deno.kill(pid, name);
}

async function end(pid: number): Promise<void> {
  signal(pid, "SIGCONT");
  signal(pid, "SIGKILL");
  await until(() => !isRunning(pid));
}

/** One mount of the volume, by a FUSE client of its own. */
export class Mount {
  readonly path: string;
  readonly #process: Deno.ChildProcess;

  private constructor(path: string, process: Deno.ChildProcess) {
    this.path = path;
    this.#process = process;
  }

  /** @param directory Where the mount and its log are. */
  static async start(directory: string, name: string): Promise<Mount> {
    const path = `${directory}/${name}`;
    await Deno.mkdir(path);
    const process = new Deno.Command("glusterfs", {
      args: [
        ...["--no-daemon", `--volfile-server=${INSIDE}`, `--volfile-id=${VOLUME}`],
        ...[`--log-file=${directory}/log/${name}.log`, `--pid-file=${directory}/${name}.pid`],
        ...MOUNT_OPTIONS.map((option) => `--${option}`),
        path,
      ],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const mount = new Mount(path, process);
    const { dev } = await Deno.stat(directory);
    await until(async () => (await Deno.stat(path)).dev !== dev);
    return mount;
  }

  /** The client answers nothing until {@linkcode resume}: every call on the mount hangs. */
  suspend(): void {
    signal(this.#process.pid, "SIGSTOP");
  }

  resume(): void {
    signal(this.#process.pid, "SIGCONT");
  }

  async stop(): Promise<void> {
    this.resume();
    await execute("umount", this.path).catch(() => execute("umount", "-l", this.path));
    await end(this.#process.pid);
    await this.#process.status;
  }
}

/** A volume. Its bricks are directories. */
export class GlusterVolume {
  readonly #directory: string;
  readonly #mounts: Mount[] = [];
  #daemon: Deno.ChildProcess | null = null;
  readonly bricks: readonly string[];

  constructor(directory: string) {
    this.#directory = directory;
    this.bricks = [1, 2, 3].map((number) => `${directory}/brick-${number}`);
  }

  async start(): Promise<void> {
    await execute("ip", "netns", "add", NAMESPACE);
    const [inside, outside] = [["-n", NAMESPACE], []];
    await execute(
      "ip",
      ..."link add".split(" "),
      LINK,
      ..."type veth peer eth0 netns".split(" "),
      NAMESPACE,
    );
    for (
      const [where, name, address] of [[outside, LINK, OUTSIDE], [inside, "eth0", INSIDE]] as const
    ) {
      await execute("ip", ...where, "address", "add", `${address}/30`, "dev", name);
      await execute("ip", ...where, "link", "set", name, "up");
    }
    await execute("ip", ...inside, "link", "set", "lo", "up");
    await this.#startDaemon();
    const bricks = this.bricks.map((path) => `${INSIDE}:${path}`);
    await this.gluster("volume", "create", VOLUME, "replica", "3", ...bricks, "force");
    for (const [name, value] of Object.entries(VOLUME_OPTIONS)) {
      await this.gluster("volume", "set", VOLUME, name, value);
    }
    await this.startBricks();
  }

  /** The daemon starts the others. Their fixed directories are replaced in their namespace only. */
  async #startDaemon(): Promise<void> {
    const directory = this.#directory;
    for (const name of ["work", "run", "run/gluster", "log", "log/bricks"]) {
      await Deno.mkdir(`${directory}/${name}`);
    }
    for (const path of this.bricks) await Deno.mkdir(path);
    await Deno.writeTextFile(
      `${directory}/glusterd.vol`,
      `volume management
  type mgmt/glusterd
  option working-directory ${directory}/work
  option run-directory ${directory}/run/gluster
  option transport-type socket
  option transport.address-family inet
  option transport.socket.bind-address ${INSIDE}
  option event-threads 1
  option ping-timeout 0
end-volume
`,
    );
    await Deno.mkdir("/var/log/glusterfs", { recursive: true });
    const script = `mount --bind "$0/log" /var/log/glusterfs &&
mount --bind "$0/run" /run &&
exec glusterd --no-daemon --volfile="$0/glusterd.vol" --pid-file="$0/glusterd.pid" \\
  --log-file="$0/log/glusterd.log"`;
    this.#daemon = new Deno.Command("ip", {
      args: ["netns", "exec", NAMESPACE, "sh", "-c", script, directory],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await until(() => this.gluster("peer", "status").then(() => true, () => false));
  }

  /** Runs the command of this name, in the namespaces of the daemon. */
  gluster(...args: string[]): Promise<string> {
    const target = `--target=${this.#daemon!.pid}`;
    const command = ["--mount", "--net", "gluster", "--mode=script", ...args];
    return execute("nsenter", target, ...command);
  }

  /** Starts the servers of the bricks, those that have been killed. */
  async startBricks(): Promise<void> {
    await this.gluster("volume", "start", VOLUME, "force");
    await until(() => this.bricks.every((_, index) => isRunning(this.#brickPid(index))));
  }

  #brickPidFile(index: number): string {
    const name = `${INSIDE}${this.bricks[index]!.replaceAll("/", "-")}`;
    return `run/gluster/vols/${VOLUME}/${name}.pid`;
  }

  #brickPid(index: number): number {
    return this.#readPid(this.#brickPidFile(index));
  }

  #readPid(path: string): number {
    try {
      return Number(Deno.readTextFileSync(`${this.#directory}/${path}`)) || 0;
    } catch {
      return 0;
    }
  }

  async killBrick(index: number): Promise<void> {
    await end(this.#brickPid(index));
    // A zombie would count as running.
    await Deno.remove(`${this.#directory}/${this.#brickPidFile(index)}`);
  }

  /** Waits until all bricks have the same again. */
  async heal(): Promise<void> {
    // It fails until the healing daemon is connected to all bricks.
    await until(() => this.gluster("volume", "heal", VOLUME).then(() => true, () => false));
    await until(async () => {
      const text = await this.gluster("volume", "heal", VOLUME, "info");
      const counts = [...text.matchAll(/Number of entries: (\S+)/g)].map(([, count]) => count);
      return counts.length === this.bricks.length && counts.every((count) => count === "0");
    });
  }

  async mount(name: string): Promise<Mount> {
    const mount = await Mount.start(this.#directory, name);
    this.#mounts.push(mount);
    return mount;
  }

  async stop(): Promise<void> {
    for (const mount of this.#mounts) await mount.stop();
    if (this.#daemon !== null) {
      const others = [...this.bricks.keys()].map((index) => this.#brickPid(index));
      others.push(this.#readPid(`run/gluster/shd/${VOLUME}/${VOLUME}-shd.pid`));
      await end(this.#daemon.pid);
      await this.#daemon.status;
      for (const pid of others) if (pid !== 0) await end(pid);
    }
    await execute("ip", "netns", "del", NAMESPACE).catch(() => {});
    await execute("ip", "link", "del", LINK).catch(() => {}); // It went with the namespace.
  }
}

/** Runs with a volume that is mounted three times. */
export async function withGluster(
  run: (volume: GlusterVolume, mounts: readonly [Mount, Mount, Mount]) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const volume = new GlusterVolume(directory);
    try {
      await volume.start();
      const mounts = [
        await volume.mount("mount-a"),
        await volume.mount("mount-b"),
        await volume.mount("mount-c"),
      ] as const;
      await run(volume, mounts);
    } finally {
      await volume.stop();
    }
  });
}

/**
 * Uploads a first file into the directory of the load. GlusterFS 10.3 may break a directory that
 * several machines create at the same moment: all calls on it fail with EIO.
 */
export async function createLoadDirectory(url: string): Promise<void> {
  const response = await fetch(url, { method: "PUT", body: "first" });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${url} is ${response.status}`);
}
