// What the program must be allowed to do for what the command line asks: looked at before anything
// is done, so that whoever has left a permission out is told the flag, and never asked or shown a
// stack. What is of use but not needed (--allow-sys=statfs) is looked at where it is used.

import type { Options } from "../options/parse.ts";
import type { Address } from "../options/values.ts";

/** A permission, the flag that grants it and the flag's value. */
interface Need {
  readonly descriptor: Deno.PermissionDescriptor;
  readonly flag: string;
  readonly value: string;
}

/** The flags that are missing, the narrowest that will do. */
export function missingPermissions(options: Options): readonly string[] {
  const values = new Map<string, Set<string>>();
  for (const need of needsOf(options)) {
    if (isGranted(need.descriptor)) continue;
    values.set(need.flag, (values.get(need.flag) ?? new Set()).add(need.value));
  }
  return [...values].map(([flag, each]) => quote(`${flag}=${[...each].join(",")}`));
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

/** A word as a shell takes it. */
function quote(word: string): string {
  return /^[A-Za-z0-9_.,:/=@%+[\]-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function needsOf(options: Options): readonly Need[] {
  const { directory, files, unix, tls, logFile, admin, bind, port } = options;
  const needs: Need[] = [];
  if (directory !== null) {
    needs.push(read(directory));
    // It is used by its real path: a link's own permission is not that of what it leads to.
    const real = realPathOf(directory);
    needs.push(read(real));
    if (!files.isReadOnly) needs.push(write(real));
  }
  const address: Address = unix === null
    ? { transport: "tcp", hostname: bind, port }
    : { transport: "unix", path: unix.path };
  needs.push(...listen(address));
  if (tls !== null) needs.push(read(tls.certificate), read(tls.key));
  if (logFile !== null) needs.push(read(logFile), write(logFile));
  if (admin !== null) needs.push(...listen(admin));
  if (options.workers !== 1) needs.push(...MODULES.map(read));
  return needs;
}

/** The modules of a worker are loaded once more, and that with the program's own permissions. */
const MODULES = ["../../lib/", "../../vendor/"].map((folder) =>
  decodeURIComponent(new URL(folder, import.meta.url).pathname).replace(/\/$/, "")
);

/** A path without links; itself where that cannot be told. */
function realPathOf(path: string): string {
  try {
    return isGranted({ name: "read", path }) ? Deno.realPathSync(path) : path;
  } catch {
    return path; // What is wrong with it will be told soon.
  }
}

function read(path: string): Need {
  return { descriptor: { name: "read", path }, flag: "--allow-read", value: path };
}

function write(path: string): Need {
  return { descriptor: { name: "write", path }, flag: "--allow-write", value: path };
}

function listen(address: Address): readonly Need[] {
  if (address.transport === "unix") {
    const { path } = address;
    const absolute = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
    return [read(path), write(path), net(`unix:${absolute}`)];
  }
  const { hostname, port } = address;
  const hosts = hostname === "localhost" ? ["127.0.0.1", "::1"] : [hostname];
  // Which port is free nobody knows before: the second listener is to be at that of the first.
  const suffix = port === 0 ? "" : `:${port}`;
  return hosts.map((host) => net(`${host.includes(":") ? `[${host}]` : host}${suffix}`));
}

function net(host: string): Need {
  return { descriptor: { name: "net", host }, flag: "--allow-net", value: host };
}
