// Workers that fail: their replacement, the other workers, and the counters.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { exposeMetrics } from "../../lib/admin/exposition.ts";
import type { WorkerPool } from "../../lib/program/worker_pool.ts";
import { makeCertificates, subjectAt } from "../support/certificates.ts";
import { testWith } from "../support/needs.ts";
import { type Command, FakeWorkerPool } from "../support/fake_workers.ts";
import { isRefused, RawClient } from "../support/raw_client.ts";
import { localRequest as request } from "../support/request.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const NEEDS = ["net", "read", "write"] as const;

function portOf(pool: WorkerPool): number {
  return Number(new URL(pool.url).port);
}

/** An upload that has come half way. */
interface Upload {
  readonly client: RawClient;
  readonly worker: number;
}

/** Uploads under way, until each of two workers has as many. */
async function beginUploads(pool: WorkerPool, each: number): Promise<Upload[]> {
  const clients: RawClient[] = [];
  for (;;) {
    const client = await RawClient.connect(portOf(pool));
    const name = `/files/${clients.push(client)}`;
    await client.send(`${request(`PUT ${name}`, "Content-Length: 10")}half `);
    const uploads: Upload[] = [];
    await until(async () => {
      uploads.length = 0;
      for (const { id, exchange } of await pool.connections()) {
        const [, number] = /^\/files\/([0-9]+)$/.exec(exchange?.target ?? "") ?? [];
        if (number === undefined) continue;
        uploads.push({ client: clients[Number(number) - 1]!, worker: Number(id[1]) });
      }
      return uploads.length === clients.length;
    });
    const count = (worker: number) => uploads.filter((upload) => upload.worker === worker).length;
    if (count(1) >= each && count(2) >= each) return uploads;
  }
}

async function requestsTotal(pool: WorkerPool): Promise<number> {
  const text = exposeMetrics(await pool.snapshots());
  return [...text.matchAll(/^wireserve_requests_total\{.*\} ([0-9]+)$/gm)]
    .reduce((sum, [, value]) => sum + Number(value), 0);
}

const FAULTS: readonly [command: Command, problem: string][] = [
  ["throw", "thrown in a timer"],
  ["reject", "an uncaught rejection"],
];

for (const [command, problem] of FAULTS) {
  testWith(
    NEEDS,
    `WorkerPool replaces a worker that fails by "${command}", and the others' requests go on`,
    () =>
      withDirectory(async (path) => {
        await using fake = new FakeWorkerPool();
        const pool = await fake.start(2, ["--directory", path]);
        const uploads = await beginUploads(pool, 2);
        await fake.worker(1).command(command);
        await (await fake.next()).command("begin");
        await until(async () => (await fake.workerEvents()).length === 2);
        assertEquals(await fake.workerEvents(), [`1 failed: ${problem}`, "1 restarted"]);
        assertEquals({ restarts: pool.restarts, pauses: fake.pauses }, {
          restarts: 1,
          pauses: [100],
        });
        for (const { client, worker } of uploads) {
          using _ = client;
          if (worker === 1) continue;
          await client.send("whole");
          assertEquals((await client.readResponse("PUT")).status, 201);
        }
        // What comes now is shared out among both again.
        for (const { client } of await beginUploads(pool, 1)) client.close();
      }),
  );
}

testWith(NEEDS, "WorkerPool replaces a worker that closes itself silently", async () => {
  await using fake = new FakeWorkerPool();
  const pool = await fake.start(2);
  await fake.worker(2).command("close");
  while ((await fake.workerEvents()).length === 0) {
    pool.ping();
    await pool.snapshots(); // Those that are there have answered the ping when they answer this.
  }
  assertEquals(await fake.workerEvents(), ["2 failed: it does not answer"]);
  await (await fake.next()).command("begin");
  await until(async () => (await fake.workerEvents()).includes("2 restarted"));
});

testWith(NEEDS, "WorkerPool waits twice as long after each failure, up to 30 seconds", async () => {
  await using fake = new FakeWorkerPool();
  const pool = await fake.start(2);
  await fake.worker(1).command("throw");
  for (let failure = 0; failure < 11; failure++) await (await fake.next()).command("fail to start");
  await (await fake.next()).command("begin");
  await until(async () => (await fake.workerEvents()).includes("1 restarted"));
  const doubled = [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600];
  assertEquals(fake.pauses, [...doubled, 30_000, 30_000, 30_000]);
  assertEquals(pool.restarts, 12);
  const [, second] = await fake.workerEvents();
  assertEquals(second, "1 failed: a worker cannot start: it is broken");
});

testWith(NEEDS, "WorkerPool comes back when all workers fail at once", async () => {
  await using fake = new FakeWorkerPool();
  const pool = await fake.start(3);
  for (const number of [1, 2, 3]) await fake.worker(number).command("reject");
  for (let worker = 0; worker < 3; worker++) await (await fake.next()).command("begin");
  await until(async () => (await fake.workerEvents()).length === 6);
  assertEquals(await (await fetch(`${pool.url}echo/a`)).text(), "a");
});

testWith(NEEDS, "WorkerPool.start() leaves nothing behind when a worker cannot start", async () => {
  await using fake = new FakeWorkerPool();
  const starting = fake.startPaused(2);
  const refused = assertRejects(() => starting, Error, "a worker cannot start: it is broken");
  await (await fake.next()).command("begin");
  await (await fake.next()).command("fail to start");
  await refused;
});

testWith(NEEDS, "WorkerPool.start() throws what listening throws", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using fake = new FakeWorkerPool();
  const port = String(listener.addr.port);
  const starting = fake.startPaused(2, ["--bind", "127.0.0.1", "--port", port]);
  const refused = assertRejects(() => starting, Deno.errors.AddrInUse);
  await (await fake.next()).command("begin");
  await refused;
});

testWith(NEEDS, "WorkerPool's counters do not fall when a worker fails", async () => {
  await using fake = new FakeWorkerPool();
  const pool = await fake.start(2);
  const getStats = async () => {
    using client = await RawClient.connect(portOf(pool));
    await client.send(request("GET /echo/a", "Connection: close"));
    await client.readToEnd();
  };
  for (let request = 0; request < 20; request++) await getStats();
  await until(async () => await requestsTotal(pool) === 20);
  for (const number of [1, 2]) {
    await fake.worker(number).command("throw");
    const before = pool.restarts;
    let least = 0;
    while (pool.restarts === before) {
      const total = await requestsTotal(pool);
      assert(total >= least, `${total} after ${least}`);
      least = total;
      await new Promise((resolve) => setTimeout(resolve));
    }
    const successor = await fake.next();
    assertEquals(await requestsTotal(pool), 20, "while it starts");
    await successor.command("begin");
    await until(async () => (await fake.workerEvents()).at(-1) === `${number} restarted`);
  }
  await fake.log.flush();
  assertEquals(fake.lines.filter((line) => line.includes('"id"')).length, 20);
  await getStats();
  await until(async () => await requestsTotal(pool) === 21);
  await until(async () => {
    const text = exposeMetrics(await pool.snapshots());
    return text.includes("\nwireserve_connections 0\n");
  });
});

testWith(
  NEEDS,
  "WorkerPool.drain() ends what is under way in all workers, and one may fail",
  () =>
    withDirectory(async (path) => {
      await using fake = new FakeWorkerPool();
      const pool = await fake.start(2, ["--directory", path]);
      const uploads = await beginUploads(pool, 1);
      const drained = pool.drain(30_000);
      await fake.worker(1).command("throw");
      await until(() => isRefused(() => RawClient.connect(portOf(pool))));
      for (const { client, worker } of uploads) {
        using _ = client;
        if (worker === 1) continue;
        await client.send("whole");
        assertEquals((await client.readResponse("PUT")).status, 201);
      }
      await drained;
      assertEquals(await fake.workerEvents(), ["1 failed: thrown in a timer"]);
      assertEquals({ restarts: pool.restarts, pauses: fake.pauses }, { restarts: 0, pauses: [] });
      assertEquals(await pool.connections(), []);
    }),
);

testWith(
  NEEDS,
  "WorkerPool.drain() does not wait for a worker that is being replaced",
  async () => {
    await using fake = new FakeWorkerPool();
    const pool = await fake.start(2);
    await fake.worker(1).command("throw");
    await fake.next(); // It never begins, and so it is never drained.
    await pool.drain(0);
  },
);

testWith(
  [...NEEDS, "run", "env", "openssl"],
  "WorkerPool.replaceCertificate() reaches workers that start meanwhile",
  () =>
    withDirectory(async (path) => {
      const { one, two } = await makeCertificates(path);
      await using fake = new FakeWorkerPool();
      const pool = await fake.start(2, [], one);
      const successors = [];
      for (const number of [1, 2]) {
        await fake.worker(number).command("throw");
        successors.push(await fake.next());
      }
      const replaced = pool.replaceCertificate(two);
      await successors[0]!.command("fail to start");
      const third = await fake.next(); // It is started before the other one has answered.
      await successors[1]!.command("begin");
      await third.command("begin");
      await replaced;
      await until(async () => {
        const events = await fake.workerEvents();
        return events.includes("1 restarted") && events.includes("2 restarted");
      });
      const asked = Array.from({ length: 16 }, () => subjectAt(portOf(pool)));
      assertEquals(new Set(await Promise.all(asked)), new Set(["two"]));
    }),
);
