// One instance of three is killed under load: only its requests in progress fail.

import { assert, assertEquals } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { listTree } from "../support/temp.ts";
import { until } from "../support/wait.ts";
import { type FleetInstance, withFleet } from "./fleet.ts";
import { Load } from "./load.ts";

const HALF = 100_000;

const CLIENTS = 6;

/** An upload whose second half has not been sent. */
interface HalfUpload {
  readonly path: string;
  readonly client: RawClient;
}

async function beginUpload(port: number, number: number): Promise<HalfUpload> {
  const client = await RawClient.connect(port);
  const path = `/files/half-${number}`;
  await client.send(
    `PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${2 * HALF}\r\n\r\n`,
  );
  await client.send(new Uint8Array(HALF));
  return { path, client };
}

/** The second half, and the status; 0 where the connection is gone. */
async function endUpload({ client }: HalfUpload): Promise<number> {
  try {
    await client.trySend(new Uint8Array(HALF));
    return (await client.readResponse()).status;
  } catch {
    return 0;
  }
}

/** The targets of the half uploads that an instance receives. */
async function halfUploadsOf(instance: FleetInstance): Promise<string[]> {
  const rows = JSON.parse((await instance.fetchAdmin("/connections")).text);
  return rows.map(({ target }: { target: string | null }) => target ?? "")
    .filter((target: string) => target.includes("/half-"));
}

async function temporaryFiles(directory: string): Promise<string[]> {
  return (await listTree(directory)).filter((path) => path.endsWith(".part"));
}

testWith(
  [...FOR_PROGRAM, "haproxy"],
  "kill -9 of one of three instances under load fails only its requests in progress",
  () =>
    withFleet(async ({ directory, instances, balancer }) => {
      const victim = instances[1]!;
      const load = new Load(balancer.port, CLIENTS);
      const uploads: HalfUpload[] = [];
      // HAProxy sends each to the instance with the fewest connections, and so some to each.
      while ((await Promise.all(instances.map(halfUploadsOf))).some(({ length }) => length === 0)) {
        uploads.push(await beginUpload(balancer.port, uploads.length));
        await until(async () =>
          (await Promise.all(instances.map(halfUploadsOf))).flat().length === uploads.length
        );
      }
      const aborted = await halfUploadsOf(victim);
      await until(() => load.count > 100);
      const killed = await victim.stop("SIGKILL");
      const killedAt = performance.now();
      assertEquals(killed?.signal, "SIGKILL");
      const countBefore = load.count;
      await until(() => load.count > countBefore + 200);
      await balancer.untilStates("DOWN", [victim.name]);

      // At its start it removes its unfinished uploads, but not those of the others.
      const left = await temporaryFiles(directory);
      assert(left.length >= uploads.length);
      await victim.start();
      await victim.program.until(/"event":"stale_uploads_removed"/);
      await balancer.untilStates("UP", [victim.name]);
      const outcomes = await load.stop();
      assertEquals((await temporaryFiles(directory)).length, uploads.length - aborted.length);
      for (const upload of uploads) {
        const status = await endUpload(upload);
        assertEquals(status === 201, !aborted.includes(upload.path), `${upload.path}: ${status}`);
        upload.client.close();
      }
      assertEquals(await temporaryFiles(directory), []);

      const failed = outcomes.filter(({ problem }) => problem !== null);
      assert(failed.length <= CLIENTS, `${failed.length} failed`); // At most one per client.
      const others = instances.filter((instance) => instance !== victim);
      const logs = await Promise.all(others.map((instance) => instance.stop()));
      for (const { id, method, startedAt, problem } of failed) {
        const what = `${method} ${id}: ${problem}`;
        // HAProxy retries a GET, unless part of the response has been sent.
        const isBegun = / bytes early$/.test(problem!);
        assert((method === "PUT" || isBegun) && startedAt <= killedAt, what);
        for (const ended of logs) assert(!ended?.stdout.includes(`?n=${id}"`), what);
      }
    }),
);
