// The permissions that the options require, checked at the start: a missing one is an error that
// names the flag of Deno. Optional ones (--allow-sys=statfs) are checked where they are used.

import { isHash } from "../auth/users.ts";
import type { Options } from "../options/parse.ts";
import type { Address } from "../options/values.ts";
import { canSharePort } from "../server/listener.ts";

interface Need {
  readonly descriptor: Deno.PermissionDescriptor;
  readonly flag: string;
  readonly value: string;
}

/** The flags of Deno that are missing, each with the narrowest value that suffices. */
export function missingPermissions(options: Options): readonly string[] {
  const values = new Map<string, Set<string>>();
  for (const need of needsOf(options)) {
    if (isGranted(need.descriptor)) continue;
    values.set(need.flag, (values.get(need.flag) ?? new Set()).add(need.value));
  }
  const missing = [...values].map(([flag, each]) =>
    quoteForShell(`${flag}=${[...each].join(",")}`)
  );
  // A program that runs from elsewhere than its deno.json, from JSR for instance, lacks it.
  return options.workers === 1 || canSharePort() ? missing : ["--unstable-net", ...missing];
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

/** A word as a shell takes it. */
export function quoteForShell(word: string): string {
  return /^[A-Za-z0-9_.,:/=@%+[\]-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function needsOf(options: Options): readonly Need[] {
  const { directory, files, unix, tls, logFile, admin, bind, port, redirectHttps, auth } = options;
  const needs: Need[] = [];
  if (directory !== null) {
    needs.push(read(directory));
    // Files are opened by their real path, for which a permission for a link does not count.
    const real = realPathOf(directory);
    needs.push(read(real));
    if (!files.isReadOnly) needs.push(write(real));
  }
  const address: Address = unix === null
    ? { transport: "tcp", hostname: bind, port }
    : { transport: "unix", path: unix.path };
  needs.push(...listen(address));
  if (redirectHttps !== null) {
    needs.push(...listen({ transport: "tcp", hostname: bind, port: redirectHttps }));
  }
  if (tls !== null) needs.push(read(tls.certificate), read(tls.key));
  if (logFile !== null) needs.push(read(logFile), write(logFile));
  if (admin !== null) needs.push(...listen(admin));
  const isLocal = import.meta.url.startsWith("file:");
  if (auth?.file != null) needs.push(read(auth.file));
  const hasHashes = auth !== null &&
    (auth.file !== null || auth.users.some(({ secret }) => isHash(secret)));
  if ((options.workers !== 1 || hasHashes) && isLocal) needs.push(...MODULES.map(read));
  return needs;
}

/** Workers load their modules with the permissions of the program. */
const MODULES = ["../../lib/", "../../vendor/"].map((folder) =>
  decodeURIComponent(new URL(folder, import.meta.url).pathname).replace(/\/$/, "")
);

/** The path without symbolic links; unchanged if it cannot be resolved. */
function realPathOf(path: string): string {
  try {
    return isGranted({ name: "read", path }) ? Deno.realPathSync(path) : path;
  } catch {
    return path; // Opening it will report the error.
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
  // The second listener uses the port that the first one has picked: any port must be allowed.
  const suffix = port === 0 ? "" : `:${port}`;
  return hosts.map((host) => net(`${host.includes(":") ? `[${host}]` : host}${suffix}`));
}

function net(host: string): Need {
  return { descriptor: { name: "net", host }, flag: "--allow-net", value: host };
}
