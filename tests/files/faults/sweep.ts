// Removes stale uploads each time it reads a line, in a process whose system calls fail.

import { removeStaleUploads } from "../../../lib/files/stale_uploads.ts";

const [directory] = Deno.args;
const buffer = new Uint8Array(1);
while (await Deno.stdin.read(buffer) !== null) {
  const reports: string[] = [];
  const removed = await removeStaleUploads(
    directory!,
    (error) => reports.push(Deno.inspect(error)),
  );
  console.log(JSON.stringify({ removed, reports }));
}
