// Workers that fail: what becomes of them, of those beside them, and of what they have counted.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { exposeMetrics } from "../../lib/admin/exposition.ts";
import type { Crew } from "../../lib/program/crew.ts";
import { makeCertificates, subjectAt } from "../support/certificates.ts";
import { testWith } from "../support/needs.ts";
import { type Order, Stage } from "../support/puppets.ts";
import { isRefused, RawClient } from "../support/raw_client.ts";
import { withDirectory } from "../support/temp.ts";
import { until } from "../support/wait.ts";

const NEEDS = ["net", "read", "write"] as const;

function portOf(crew: Crew): number {
  return Number(new URL(crew.url).port);
}

/** An upload that has come half way. */
interface Upload {
  readonly client: RawClient;
  readonly worker: number;
}

/** Uploads under way, until each of two workers has as many. */
async function beginUploads(crew: Crew, each: number): Promise<Upload[]> {
  const clients: RawClient[] = [];
  for (;;) {
    const client = await RawClient.connect(portOf(crew));
    const name = `/files/${clients.push(client)}`;
    await client.send(`PUT ${name} HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf `);
    const uploads: Upload[] = [];
    await until(async () => {
      uploads.length = 0;
      for (const { id, exchange } of await crew.connections()) {
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

async function requestsTotal(crew: Crew): Promise<number> {
  const text = await exposeMetrics(await crew.snapshots());
  return [...text.matchAll(/^wireserve_requests_total\{.*\} ([0-9]+)$/gm)]
    .reduce((sum, [, value]) => sum + Number(value), 0);
}

const FAULTS: readonly [order: Order, problem: string][] = [
  ["throw", "thrown in a timer"],
  ["reject", "nobody has caught it"],
];

for (const [order, problem] of FAULTS) {
  testWith(
    NEEDS,
    `Crew replaces a worker that fails by "${order}", and the others' requests go on`,
    () =>
      withDirectory(async (path) => {
        await using stage = new Stage();
        const crew = await stage.start(2, ["--directory", path]);
        const uploads = await beginUploads(crew, 2);
        await stage.puppet(1).order(order);
        await (await stage.next()).order("begin");
        await until(async () => (await stage.workerEvents()).length === 2);
        assertEquals(await stage.workerEvents(), [`1 has failed: ${problem}`, "1 is back"]);
        assertEquals({ restarts: crew.restarts, pauses: stage.pauses }, {
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
        for (const { client } of await beginUploads(crew, 1)) client.close();
      }),
  );
}

testWith(NEEDS, "Crew replaces a worker that is gone without a word", async () => {
  await using stage = new Stage();
  const crew = await stage.start(2);
  await stage.puppet(2).order("close");
  while ((await stage.workerEvents()).length === 0) {
    crew.call();
    await crew.snapshots(); // Those that are there have answered the call when they answer this.
  }
  assertEquals(await stage.workerEvents(), ["2 has failed: it does not answer"]);
  await (await stage.next()).order("begin");
  await until(async () => (await stage.workerEvents()).includes("2 is back"));
});

testWith(NEEDS, "Crew waits twice as long after each failure, up to 30 seconds", async () => {
  await using stage = new Stage();
  const crew = await stage.start(2);
  await stage.puppet(1).order("throw");
  for (let failure = 0; failure < 11; failure++) await (await stage.next()).order("stumble");
  await (await stage.next()).order("begin");
  await until(async () => (await stage.workerEvents()).includes("1 is back"));
  const doubled = [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600];
  assertEquals(stage.pauses, [...doubled, 30_000, 30_000, 30_000]);
  assertEquals(crew.restarts, 12);
  const [, second] = await stage.workerEvents();
  assertEquals(second, "1 has failed: a worker cannot start: it stumbles");
});

testWith(NEEDS, "Crew comes back when all workers fail at once", async () => {
  await using stage = new Stage();
  const crew = await stage.start(3);
  for (const number of [1, 2, 3]) await stage.puppet(number).order("reject");
  for (let worker = 0; worker < 3; worker++) await (await stage.next()).order("begin");
  await until(async () => (await stage.workerEvents()).length === 6);
  assertEquals(await (await fetch(`${crew.url}echo/a`)).text(), "a");
});

testWith(NEEDS, "Crew.start() leaves nothing behind when a worker cannot start", async () => {
  await using stage = new Stage();
  const starting = stage.raise(2);
  const refused = assertRejects(() => starting, Error, "a worker cannot start: it stumbles");
  await (await stage.next()).order("begin");
  await (await stage.next()).order("stumble");
  await refused;
});

testWith(NEEDS, "Crew.start() throws what listening throws", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using stage = new Stage();
  const port = String(listener.addr.port);
  const starting = stage.raise(2, ["--bind", "127.0.0.1", "--port", port]);
  const refused = assertRejects(() => starting, Deno.errors.AddrInUse);
  await (await stage.next()).order("begin");
  await refused;
});

testWith(NEEDS, "Crew's counters do not fall when a worker fails", async () => {
  await using stage = new Stage();
  const crew = await stage.start(2);
  const ask = async () => {
    using client = await RawClient.connect(portOf(crew));
    await client.send("GET /echo/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    await client.readToEnd();
  };
  for (let request = 0; request < 20; request++) await ask();
  await until(async () => await requestsTotal(crew) === 20);
  for (const number of [1, 2]) {
    await stage.puppet(number).order("throw");
    const before = crew.restarts;
    let least = 0;
    while (crew.restarts === before) {
      const total = await requestsTotal(crew);
      assert(total >= least, `${total} after ${least}`);
      least = total;
      await new Promise((resolve) => setTimeout(resolve));
    }
    const successor = await stage.next();
    assertEquals(await requestsTotal(crew), 20, "while it starts");
    await successor.order("begin");
    await until(async () => (await stage.workerEvents()).at(-1) === `${number} is back`);
  }
  await stage.log.flush();
  assertEquals(stage.lines.filter((line) => line.includes('"id"')).length, 20);
  await ask();
  await until(async () => await requestsTotal(crew) === 21);
  await until(async () => {
    const text = await exposeMetrics(await crew.snapshots());
    return text.includes("\nwireserve_connections 0\n");
  });
});

testWith(
  NEEDS,
  "Crew.drain() ends what is under way in all workers, and one may fail",
  () =>
    withDirectory(async (path) => {
      await using stage = new Stage();
      const crew = await stage.start(2, ["--directory", path]);
      const uploads = await beginUploads(crew, 1);
      const drained = crew.drain(30_000);
      await stage.puppet(1).order("throw");
      await until(() => isRefused(() => RawClient.connect(portOf(crew))));
      for (const { client, worker } of uploads) {
        using _ = client;
        if (worker === 1) continue;
        await client.send("whole");
        assertEquals((await client.readResponse("PUT")).status, 201);
      }
      await drained;
      assertEquals(await stage.workerEvents(), ["1 has failed: thrown in a timer"]);
      assertEquals({ restarts: crew.restarts, pauses: stage.pauses }, { restarts: 0, pauses: [] });
      assertEquals(await crew.connections(), []);
    }),
);

testWith(NEEDS, "Crew.drain() does not wait for a worker that is being replaced", async () => {
  await using stage = new Stage();
  const crew = await stage.start(2);
  await stage.puppet(1).order("throw");
  await stage.next(); // It is never told to begin, and so never says that it is drained.
  await crew.drain(0);
});

testWith(
  [...NEEDS, "run", "env", "openssl"],
  "Crew.replaceCertificate() reaches workers that start meanwhile",
  () =>
    withDirectory(async (path) => {
      const { one, two } = await makeCertificates(path);
      await using stage = new Stage();
      const crew = await stage.start(2, [], one);
      const successors = [];
      for (const number of [1, 2]) {
        await stage.puppet(number).order("throw");
        successors.push(await stage.next());
      }
      const replaced = crew.replaceCertificate(two);
      await successors[0]!.order("stumble");
      const third = await stage.next(); // It is hired while the other one has not answered yet.
      await successors[1]!.order("begin");
      await third.order("begin");
      await replaced;
      await until(async () => {
        const events = await stage.workerEvents();
        return events.includes("1 is back") && events.includes("2 is back");
      });
      const asked = Array.from({ length: 16 }, () => subjectAt(portOf(crew)));
      assertEquals(new Set(await Promise.all(asked)), new Set(["two"]));
    }),
);
