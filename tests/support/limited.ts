// The program with few file descriptors.

import { SCRIPT } from "./program.ts";

/** Writes a script that starts the program with a limit on its file descriptors, as a user would. */
export async function limitedScript(directory: string, descriptors: number): Promise<string> {
  const path = `${directory}/limited-${descriptors}`;
  await Deno.writeTextFile(path, `#!/bin/sh\nulimit -n ${descriptors}\nexec ${SCRIPT} "$@"\n`);
  await Deno.chmod(path, 0o755);
  return path;
}
