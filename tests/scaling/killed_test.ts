// One instance of three is killed under load: what it had in flight fails, and nothing else does.

import { assert, assertEquals } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { listTree } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { type FleetInstance, withFleet } from "./fleet.ts";
import { Load } from "./load.ts";

/** Bytes of an upload of which half has been sent. */
const HALF = 100_000;

/** Clients of the load. */
const CLIENTS = 6;

/** An upload that waits for its second half. */
interface HeldUpload {
  readonly path: string;
  readonly client: RawClient;
}

async function beginUpload(port: number, number: number): Promise<HeldUpload> {
  const client = await RawClient.connect(port);
  const path = `/files/held-${number}`;
  await client.send(`PUT ${path} HTTP/1.1\r\nHost: files\r\nContent-Length: ${2 * HALF}\r\n\r\n`);
  await client.send(new Uint8Array(HALF));
  return { path, client };
}

/** The second half, and the status; 0 where the connection is gone. */
async function endUpload({ client }: HeldUpload): Promise<number> {
  try {
    await client.trySend(new Uint8Array(HALF));
    return (await client.readResponse()).status;
  } catch {
    return 0;
  }
}

/** The targets of the uploads that an instance holds. */
async function heldBy(instance: FleetInstance): Promise<string[]> {
  const rows = JSON.parse((await instance.ask("/connections")).text);
  return rows.map(({ target }: { target: string | null }) => target ?? "")
    .filter((target: string) => target.includes("/held-"));
}

async function temporaryFiles(directory: string): Promise<string[]> {
  return (await listTree(directory)).filter((path) => path.endsWith(".part"));
}

testWith(
  [...FOR_PROGRAM, "haproxy"],
  "kill -9 of one of three instances under load fails only what it had in flight",
  () =>
    withFleet(async ({ directory, instances, balancer }) => {
      const victim = instances[1]!;
      const load = new Load(balancer.port, CLIENTS);
      const held: HeldUpload[] = [];
      // They go where the least is to be done: sooner or later, to each.
      while ((await Promise.all(instances.map(heldBy))).some(({ length }) => length === 0)) {
        held.push(await beginUpload(balancer.port, held.length));
        await until(async () =>
          (await Promise.all(instances.map(heldBy))).flat().length === held.length
        );
      }
      const lost = await heldBy(victim);
      await until(() => load.count > 100);
      const killed = await victim.stop("SIGKILL");
      const goneAt = performance.now();
      assertEquals(killed?.signal, "SIGKILL");
      const counted = load.count;
      await until(() => load.count > counted + 200);
      await balancer.untilStates("DOWN", [victim.name]);

      // What it has left is swept away when it comes back, and what others have under way is not.
      const left = await temporaryFiles(directory);
      assert(left.length >= held.length);
      await victim.start();
      await victim.program.until(/"event":"stale_uploads_removed"/);
      await balancer.untilStates("UP", [victim.name]);
      const outcomes = await load.stop();
      assertEquals((await temporaryFiles(directory)).length, held.length - lost.length);
      for (const upload of held) {
        const status = await endUpload(upload);
        assertEquals(status === 201, !lost.includes(upload.path), `${upload.path}: ${status}`);
        upload.client.close();
      }
      assertEquals(await temporaryFiles(directory), []);

      const failed = outcomes.filter(({ problem }) => problem !== null);
      assert(failed.length <= CLIENTS, `${failed.length} failed`); // At most one of each.
      const others = instances.filter((instance) => instance !== victim);
      const logs = await Promise.all(others.map((instance) => instance.stop()));
      for (const { id, method, startedAt, problem } of failed) {
        const what = `${method} ${id}: ${problem}`;
        // A read is sent again, unless some of the response is there already.
        const isBegun = / bytes early$/.test(problem!);
        assert((method === "PUT" || isBegun) && startedAt <= goneAt, what);
        for (const ended of logs) assert(!ended?.stdout.includes(`?n=${id}"`), what);
      }
    }),
);
