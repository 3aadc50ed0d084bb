// What the program must be allowed to do for what the command line asks: looked at before anything
// is done, so that whoever has left a permission out is told the flag, and never asked or shown a
// stack.

import type { Options } from "../options/parse.ts";

/** A permission and the flag that grants it. */
interface Need {
  readonly descriptor: Deno.PermissionDescriptor;
  readonly flag: string;
}

/** The flags that are missing, the narrowest that will do. */
export function missingPermissions(options: Options): readonly string[] {
  return needsOf(options)
    .filter(({ descriptor }) => Deno.permissions.querySync(descriptor).state !== "granted")
    .map(({ flag }) => flag);
}

function needsOf(options: Options): readonly Need[] {
  const { directory, files, unix, tls, logFile, admin, bind, port } = options;
  const needs: Need[] = [];
  if (directory !== null) {
    needs.push(read(directory));
    if (!files.isReadOnly) needs.push(write(directory));
  }
  if (unix === null) needs.push(...listen(bind, port));
  else needs.push(read(unix.path), write(unix.path));
  if (tls !== null) needs.push(read(tls.certificate), read(tls.key));
  if (logFile !== null) needs.push(read(logFile), write(logFile));
  if (admin?.transport === "tcp") needs.push(...listen(admin.hostname, admin.port));
  if (admin?.transport === "unix") needs.push(read(admin.path), write(admin.path));
  return needs;
}

function read(path: string): Need {
  return { descriptor: { name: "read", path }, flag: `--allow-read=${path}` };
}

function write(path: string): Need {
  return { descriptor: { name: "write", path }, flag: `--allow-write=${path}` };
}

function listen(hostname: string, port: number): readonly Need[] {
  const hosts = hostname === "localhost" ? ["127.0.0.1", "::1"] : [hostname];
  return hosts.map((each) => {
    const host = `${each.includes(":") ? `[${each}]` : each}:${port}`;
    return { descriptor: { name: "net", host }, flag: `--allow-net=${host}` };
  });
}
