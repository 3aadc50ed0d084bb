// A program whose worker fails while there is no file descriptor for another one. It prints the log.

import { AccessLog } from "../../lib/access_log/access_log.ts";
import { LineWriter } from "../../lib/access_log/sink.ts";
import { parseOptions } from "../../lib/options/parse.ts";
import { WorkerPool } from "../../lib/program/worker_pool.ts";

// As the program does: half a second after its start Deno needs descriptors for its own first signal.
Deno.addSignalListener("SIGHUP", () => {});
const options = parseOptions(["--port", "0"]);
await WorkerPool.start({
  config: { options, port: 0, count: 1, certificate: undefined },
  log: new AccessLog("common", new LineWriter(Deno.stdout)),
  entry: new URL("./failing_worker.ts", import.meta.url),
});
const files: Deno.FsFile[] = [];
try {
  for (;;) files.push(Deno.openSync("/dev/null"));
} catch {
  setTimeout(() => files.forEach((file) => file.close()), 2000);
}
