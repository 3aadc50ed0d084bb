// Three instances, each on its own mount of a replicated GlusterFS volume, behind HAProxy: what one
// stores the others see at once, races have one winner, and what was acknowledged survives crashes.

import { assert, assertEquals } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { until } from "../support/wait.ts";
import { driveOn } from "../support/wrk.ts";
import { type Fleet, type FleetInstance, withFleetOn } from "./fleet.ts";
import { createLoadDirectory, type GlusterVolume, withGluster } from "./gluster.ts";
import { contentOf, difference, isSame, Load } from "./load.ts";

/** The part of all rounds that is run: SCALE=1 takes 20 minutes on two cores. */
const SCALE = Number(Deno.env.get("SCALE") ?? 0.02);

const RACES = Math.ceil(200 * SCALE);
const REPLACEMENTS = Math.ceil(2000 * SCALE);
const READS_AT_ONCE = Math.ceil(300 * SCALE);

const CLIENTS = 6;

const MiB = 1024 * 1024;

/** Seconds in which HAProxy has to notice that an instance is not ready. */
const DRAIN_DELAY = 3;

interface Received {
  readonly status: number;
  readonly etag: string | null;
  readonly content: Uint8Array<ArrayBuffer>;
}

async function send(url: string, init: RequestInit = {}): Promise<Received> {
  const response = await fetch(url, init);
  const { status, headers } = response;
  return { status, etag: headers.get("ETag"), content: await response.bytes() };
}

function put(
  url: string,
  body: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Received> {
  return send(url, { method: "PUT", body, headers });
}

/** Clients that send the same at once, two through each instance; returns who has won. */
async function race(
  { instances }: Fleet,
  round: number,
  path: string,
  headers: Record<string, string>,
): Promise<{ statuses: number[]; winner: Uint8Array<ArrayBuffer> | undefined }> {
  const contents = Array.from(
    { length: CLIENTS },
    (_, number) => contentOf(10 * round + number, 999),
  );
  const answers = await Promise.all(
    contents.map((content, number) =>
      put(instances[number % instances.length]!.url(path), content, headers)
    ),
  );
  const statuses = answers.map(({ status }) => status).toSorted();
  const at = answers.findIndex(({ status }) => status < 300);
  return { statuses, winner: contents[at] };
}

async function raceForNewNames(fleet: Fleet): Promise<void> {
  for (let round = 0; round < RACES; round++) {
    const path = `/files/new-${round}`;
    const { statuses, winner } = await race(fleet, round, path, { "If-None-Match": "*" });
    assertEquals(statuses, [201, 412, 412, 412, 412, 412]);
    const { content } = await send(fleet.balancer.url(path));
    assert(isSame(content, winner!), `${path} is not the winner's`);
  }
}

async function raceForOneState(fleet: Fleet): Promise<void> {
  const path = "/files/matched";
  let { etag } = await put(fleet.instances[0]!.url(path), contentOf(0, 999));
  for (let round = 0; round < RACES; round++) {
    const { statuses, winner } = await race(fleet, round, path, { "If-Match": etag! });
    assertEquals(statuses, [204, 412, 412, 412, 412, 412], `round ${round}`);
    const headers = { "Accept-Encoding": "identity" };
    const found = await send(fleet.instances[round % 3]!.url(path), { headers });
    assert(isSame(found.content, winner!), `round ${round} has other bytes`);
    etag = found.etag;
  }
}

/** Readers of another instance find the old file or the new one, and never an older one again. */
async function replaceAndRead({ instances }: Fleet): Promise<string> {
  const [a, b] = instances as [FleetInstance, FleetInstance];
  let [begun, stored, reads, retries] = [0, 0, 0, 0];
  assertEquals((await put(a.url("/files/replaced"), contentOf(0, MiB))).status, 201);
  const read = async () => {
    while (stored < REPLACEMENTS) {
      const oldest = stored;
      const headers = { "Accept-Encoding": "identity" };
      const { status, content } = await send(b.url("/files/replaced"), { headers });
      if (status === 503) {
        retries++;
        continue;
      }
      assertEquals(status, 200);
      const number = Number(new TextDecoder().decode(content.subarray(0, 10)).split(";")[0]);
      assert(number >= oldest && number <= begun, `${oldest} <= ${number} <= ${begun}`);
      const whole = contentOf(number, MiB);
      assert(isSame(content, whole), `${number} is not whole: ${difference(content, whole)}`);
      reads++;
    }
  };
  const reading = Promise.all([read(), read()]);
  reading.catch(() => stored = Infinity);
  for (let number = 1; number <= REPLACEMENTS && stored < Infinity; number++) {
    begun = number;
    assertEquals((await put(a.url("/files/replaced"), contentOf(number, MiB))).status, 204);
    if (stored < Infinity) stored = number;
  }
  await reading;
  return `${REPLACEMENTS} replacements, ${reads} whole reads, ${retries} times 503`;
}

async function readAtOnce({ instances }: Fleet): Promise<void> {
  for (let round = 0; round < READS_AT_ONCE; round++) {
    const [one, other] = [instances[round % 3]!, instances[(round + 1) % 3]!];
    const path = `/files/at-once/${round % 7}`;
    const content = contentOf(round, 100 + round);
    const { etag } = await put(one.url(path), content);
    const found = await send(other.url(path), { headers: { "Accept-Encoding": "identity" } });
    assert(isSame(found.content, content), `${path} is stale in round ${round}`);
    assertEquals(found.etag, etag);
    if (round % 7 !== 6) continue;
    assertEquals((await send(one.url(path), { method: "DELETE" })).status, 204);
    assertEquals((await send(other.url(path))).status, 404);
  }
}

async function listAndDelete({ instances }: Fleet): Promise<void> {
  const [a, b, c] = instances as [FleetInstance, FleetInstance, FleetInstance];
  const list = async (instance: FleetInstance) => {
    const headers = { Accept: "application/json" };
    const { content } = await send(instance.url("/files/folder/"), { headers });
    const entries: { name: string }[] = JSON.parse(new TextDecoder().decode(content));
    return entries.map(({ name }) => name);
  };
  for (let number = 0; number < 10; number++) {
    await put(instances[number % 3]!.url(`/files/folder/${number}`), contentOf(number, 10));
  }
  const names = Array.from({ length: 10 }, (_, number) => String(number));
  for (const instance of instances) assertEquals(await list(instance), names);
  assertEquals((await send(b.url("/files/folder/4"), { method: "DELETE" })).status, 204);
  for (const instance of [a, c]) {
    assertEquals((await send(instance.url("/files/folder/4"))).status, 404);
    assertEquals(await list(instance), names.filter((name) => name !== "4"));
  }
}

async function begin(instance: FleetInstance, name: string): Promise<RawClient> {
  const client = await RawClient.connect(instance.port);
  await client.send(
    `PUT /files/${name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n`,
  );
  await client.send(new Uint8Array(200_000));
  return client;
}

/** At its start, an instance removes what a crash has left, and not what the others receive. */
async function sweep({ instances, balancer }: Fleet, volume: GlusterVolume): Promise<void> {
  const [a, , c] = instances as [FleetInstance, FleetInstance, FleetInstance];
  const parts = async () => {
    let count = 0;
    for await (const { name } of Deno.readDir(volume.bricks[0]!)) {
      if (name.endsWith(".part")) count++;
    }
    return count;
  };
  const living = [await begin(a, "living-1"), await begin(a, "living-2")];
  const killed = [await begin(c, "killed-1"), await begin(c, "killed-2")];
  await until(async () => await parts() === 4);
  assertEquals((await c.stop("SIGKILL"))?.signal, "SIGKILL");
  await c.start();
  await until(async () => await parts() === 2);
  for (const client of living) {
    await client.send(new Uint8Array(100_000));
    assertEquals((await client.readResponse()).status, 201);
    client.close();
  }
  for (const client of killed) client.close();
  assertEquals(await parts(), 0);
  await balancer.untilStates("UP", [c.name]);
}

/** Uploads new names through HAProxy until told to stop; returns those that were acknowledged. */
function uploadOn({ balancer }: Fleet, prefix: string): () => Promise<Map<string, number>> {
  const acknowledged = new Map<string, number>();
  let isOver = false;
  const run = async (client: number) => {
    for (let turn = 0; !isOver; turn++) {
      const [name, size] = [`${prefix}-${client}-${turn}`, 1 + (turn * 7919) % 200_000];
      try {
        const { status } = await put(balancer.url(`/files/${name}`), contentOf(size, size));
        if (status === 201) acknowledged.set(name, size);
      } catch { /* The instance was killed. */ }
    }
  };
  const running = Promise.all([0, 1, 2, 3].map(run));
  return async () => {
    isOver = true;
    await running;
    return acknowledged;
  };
}

async function checkOnAllBricks(volume: GlusterVolume, files: Map<string, number>): Promise<void> {
  for (const [name, size] of files) {
    for (const brick of volume.bricks) {
      const found = await Deno.readFile(`${brick}/${name}`);
      assert(isSame(found, contentOf(size, size)), `${brick}/${name} is not whole`);
    }
  }
}

async function killInstanceAndBrick(fleet: Fleet, volume: GlusterVolume): Promise<string> {
  const { instances, balancer } = fleet;
  const victim = instances[1]!;
  const stop = uploadOn(fleet, "kept");
  const more = () => new Promise((resolve) => setTimeout(resolve, 3000));
  await more();
  assertEquals((await victim.stop("SIGKILL"))?.signal, "SIGKILL");
  await balancer.untilStates("DOWN", [victim.name]);
  await more();
  await victim.start();
  await balancer.untilStates("UP", [victim.name]);
  await volume.killBrick(2);
  await more();
  await volume.startBricks();
  await more();
  const acknowledged = await stop();
  const start = performance.now();
  await volume.heal();
  const healed = performance.now() - start;
  await checkOnAllBricks(volume, acknowledged);
  return `${acknowledged.size} acknowledged uploads whole on all bricks, ` +
    `healed in ${(healed / 1000).toFixed(1)} s`;
}

async function restartAll({ instances, balancer }: Fleet): Promise<string> {
  await createLoadDirectory(balancer.url("/files/load/first"));
  const load = new Load(balancer.port, 4);
  const more = async () => {
    const before = load.count;
    await until(() => load.count >= before + 40);
  };
  await more();
  for (const instance of instances) {
    const stopping = instance.stop();
    await balancer.untilStates("DOWN", [instance.name]);
    const ended = await stopping;
    assertEquals([ended?.code, ended?.stderr], [0, ""]);
    await instance.start();
    await balancer.untilStates("UP", [instance.name]);
    await more();
  }
  const outcomes = await load.stop();
  assertEquals(outcomes.filter(({ problem }) => problem !== null), []);
  return `${outcomes.length} requests, none failed`;
}

async function measure({ instances, balancer }: Fleet): Promise<string> {
  await put(balancer.url("/files/page"), contentOf(1, 1000));
  const figures: string[] = [];
  for (let count = 1; count <= instances.length; count++) {
    for (const [index, { name }] of instances.entries()) {
      await balancer.command(
        `set server instances/${name} state ${index < count ? "ready" : "maint"}`,
      );
    }
    const seconds = Math.max(1, 5 * SCALE);
    const reading = driveOn(balancer.url("/files/page"), 12);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const { requests, errors } = await reading();
    assertEquals(errors, "");
    let stored = 0;
    const end = performance.now() + seconds * 1000;
    await Promise.all(Array.from({ length: 12 }, async (_, client) => {
      while (performance.now() < end) {
        const { status } = await put(balancer.url(`/files/measured-${client}`), contentOf(1, 1000));
        assert(status < 300, String(status));
        stored++;
      }
    }));
    const rate = (all: number) => (all / seconds).toFixed();
    figures.push(`${count}: ${rate(requests)} GET/s, ${rate(stored)} PUT/s`);
  }
  return figures.join("; ");
}

testWith(
  [...FOR_PROGRAM, "haproxy", "wrk", "gluster"],
  "three instances on a replicated GlusterFS volume are one server",
  (context) =>
    withGluster((volume, mounts) =>
      withFleetOn(
        [mounts[0].path, mounts[1].path, mounts[2].path],
        async (fleet) => {
          const step = async (name: string, run: () => Promise<string | void>) => {
            await context.step(name, async () => {
              const start = performance.now();
              const figures = await run();
              const seconds = ((performance.now() - start) / 1000).toFixed(1);
              console.log(`  ${name}: ${figures ?? "as it should be"} (${seconds} s)`);
            });
          };
          await step("of six creators one succeeds", () => raceForNewNames(fleet));
          await step("of six clients with If-Match one succeeds", () => raceForOneState(fleet));
          await step("a file that is replaced is read whole", () => replaceAndRead(fleet));
          await step("a change is seen at once", () => readAtOnce(fleet));
          await step("listings and deletions are seen by all", () => listAndDelete(fleet));
          await step("only abandoned uploads are removed", () => sweep(fleet, volume));
          await step("kill -9 loses nothing", () => killInstanceAndBrick(fleet, volume));
          await step("a rolling restart fails no request", () => restartAll(fleet));
          await step("throughput of one, two and three", () => measure(fleet));
        },
        { drainDelay: DRAIN_DELAY },
      )
    ),
);
