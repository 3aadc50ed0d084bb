// Instances whose mounts hang: their FUSE clients are stopped for 20 seconds. What needs no file goes
// on, what needs one fails by a deadline, and all comes back.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { RawClient } from "../support/raw_client.ts";
import { until } from "../support/wait.ts";
import { type Fleet, type FleetInstance, withFleetOn } from "./fleet.ts";
import { createLoadDirectory, type GlusterVolume, type Mount, withGluster } from "./gluster.ts";
import { contentOf, Load } from "./load.ts";

/** Seconds that the mounts hang. */
const HANG = 20;

/** Which of the three: the first instance has one worker, the second has two. */
const HUNG = [0, 1] as const;

/** Milliseconds: /readyz, and the deadline of a file call with some time for the request. */
const NOT_READY_WITHIN = 3000;
const FAILURE_WITHIN = 12_000;

/** Milliseconds for what needs no file, on a busy machine. */
const PROMPT = 1000;

/** Milliseconds after which a request that has no answer fails the test. */
const PATIENCE = 30_000;

/** Seconds of --grace. */
const GRACE = 3;

const LARGE = 8 * 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly milliseconds: number;
}

async function timed(url: string, init: RequestInit = {}): Promise<Answer> {
  const start = performance.now();
  const signal = AbortSignal.timeout(PATIENCE);
  const response = await fetch(url, { headers: { Connection: "close" }, signal, ...init });
  await response.body?.cancel();
  const { status, headers } = response;
  return {
    status,
    retryAfter: headers.get("Retry-After"),
    milliseconds: performance.now() - start,
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Asks for what needs no file until told to stop, and returns the longest time. */
function askAround(instance: FleetInstance): () => Promise<number> {
  let isOver = false;
  const admin = `http://127.0.0.1:${instance.adminPort}`;
  const run = async (url: string): Promise<number> => {
    let longest = 0;
    while (!isOver) {
      const { status, milliseconds } = await timed(url);
      assertEquals(status, 200, url);
      longest = Math.max(longest, milliseconds);
      await pause(50);
    }
    return longest;
  };
  const urls = [instance.url("/echo/a"), `${admin}/healthz`, `${admin}/metrics`];
  const running = Promise.all(urls.map(run));
  running.catch(() => {});
  return async () => {
    isOver = true;
    return Math.max(...await running);
  };
}

/** Requests that need files, with different names. */
function requestFiles(instance: FleetInstance, round: string): Promise<Answer[]> {
  const reads = Array.from({ length: 40 }, () => timed(instance.url("/files/large")));
  const listings = Array.from({ length: 5 }, () => timed(instance.url("/files/")));
  const uploads = Array.from({ length: 20 }, (_, number) => {
    const init = { method: "PUT", body: contentOf(number, 70_000) };
    return timed(instance.url(`/files/hung-${round}-${number}`), init);
  });
  return Promise.all([...reads, ...listings, ...uploads]);
}

/** A download that the client does not read: its file is open. */
async function beginDownload(instance: FleetInstance): Promise<RawClient> {
  const client = await RawClient.connect(instance.port);
  await client.send("GET /files/large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await client.read(1000);
  return client;
}

async function beginUpload(instance: FleetInstance, name: string): Promise<RawClient> {
  const client = await RawClient.connect(instance.port);
  await client.send(
    `PUT /files/${name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\n\r\n`,
  );
  await client.send(new Uint8Array(200_000));
  return client;
}

async function partsOn(volume: GlusterVolume): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(volume.bricks[0]!)) {
    if (name.endsWith(".part")) names.push(name);
  }
  return names;
}

/** What an instance does while its mount hangs, and afterwards. */
async function hang(
  mount: Mount,
  instance: FleetInstance,
  { balancer }: Fleet,
): Promise<void> {
  const { name } = instance;
  const downloads = [await beginDownload(instance), await beginDownload(instance)];
  const uploads = [
    await beginUpload(instance, `begun-${name}-1`),
    await beginUpload(instance, `begun-${name}-2`),
  ];
  const stopAsking = askAround(instance);
  mount.suspend();
  const start = performance.now();
  try {
    const answering = requestFiles(instance, `${name}-first`);
    const ready = () => instance.fetchAdmin("/readyz");
    await until(async () => (await ready()).status === 503);
    const notReadyAfter = performance.now() - start;
    assert(notReadyAfter < NOT_READY_WITHIN, `/readyz after ${notReadyAfter} ms`);
    assertMatch((await ready()).text, /unresponsive/);
    await balancer.untilStates("DOWN", [name]);

    const first = await answering;
    assertEquals(new Set(first.map(({ status }) => status)), new Set([503]));
    assert(first.every(({ retryAfter }) => retryAfter !== null));
    const slowest = Math.max(...first.map(({ milliseconds }) => milliseconds));
    assert(slowest < FAILURE_WITHIN, `${slowest} ms`);

    // Now it is known that nothing returns: all but one of each worker fail at once.
    const second = (await requestFiles(instance, `${name}-second`)).toSorted((one, other) =>
      one.milliseconds - other.milliseconds
    );
    assertEquals(new Set(second.map(({ status }) => status)), new Set([503]));
    const median = second[second.length >> 1]!.milliseconds;
    assert(median < PROMPT, `${median} ms`);
    for (const upload of uploads) {
      await upload.trySend(new Uint8Array(100_000));
      assertEquals((await upload.readResponse()).status, 503);
    }

    // The log goes on as well.
    await timed(instance.url("/echo/in-the-log"));
    await until(() => instance.program.stdout.includes("/echo/in-the-log"));
    await pause(Math.max(0, HANG * 1000 - (performance.now() - start)));
    const longest = await stopAsking();
    assert(longest < PROMPT, `${longest} ms for what needs no file`);
    console.log(
      `  ${name}: /readyz 503 after ${notReadyAfter.toFixed()} ms, files 503 after ` +
        `${slowest.toFixed()} ms and then ${median.toFixed()} ms, echo ${longest.toFixed()} ms`,
    );
  } finally {
    mount.resume();
    await stopAsking().catch(() => {});
    for (const client of [...downloads, ...uploads]) client.close();
  }
  await balancer.untilStates("UP", [name]);
  assertEquals((await timed(instance.url("/files/large"))).status, 200);
  const again = { method: "PUT", body: contentOf(2, 70_000) };
  assert((await timed(instance.url(`/files/hung-${name}-first-1`), again)).status < 300);
}

/** Two of three mounts hang at the same time, under load. */
async function hangBoth(volume: GlusterVolume, mounts: readonly Mount[], fleet: Fleet) {
  const { instances, balancer } = fleet;
  const large = { method: "PUT", body: contentOf(1, LARGE) };
  assertEquals((await timed(instances[0]!.url("/files/large"), large)).status, 201);
  await createLoadDirectory(balancer.url("/files/load/first"));
  const load = new Load(balancer.port, 4);
  await until(() => load.count > 20);
  await Promise.all(HUNG.map((index) => hang(mounts[index]!, instances[index]!, fleet)));
  const outcomes = await load.stop();
  // Those that were on these instances when they began to hang, one of each client, may have failed.
  const failed = outcomes.filter(({ problem }) => problem !== null);
  assert(failed.length <= 4, JSON.stringify(failed));
  assert(failed.every(({ problem }) => problem === "status 503"), JSON.stringify(failed));
  await until(async () => (await partsOn(volume)).length === 0);
}

/** The drain ends within the grace. The kernel keeps a process while a file of its is hung. */
async function drainWhileHung(
  mount: Mount,
  instance: FleetInstance,
  { balancer }: Fleet,
): Promise<void> {
  const download = await beginDownload(instance);
  mount.suspend();
  const start = performance.now();
  const answering = Promise.allSettled([timed(instance.url("/files/large"))]);
  const { port, adminPort } = instance;
  try {
    await pause(500);
    const stopping = instance.stop();
    let endedAfter = 0;
    stopping.then(() => endedAfter = performance.now() - start);
    await until(() => isClosed(port));
    await until(() => isClosed(adminPort));
    const closedAfter = performance.now() - start;
    assert(closedAfter < (GRACE + 2.5) * 1000, `${closedAfter} ms`);
    await pause(1000);
    const isGone = endedAfter > 0;
    mount.resume();
    const ended = await stopping;
    assertEquals([ended?.code, ended?.stderr], [0, ""]);
    console.log(
      `  ${instance.name} drains: all is closed after ${closedAfter.toFixed()} ms, the process is ` +
        (isGone ? `gone after ${endedAfter.toFixed()} ms` : "gone when the mount answers"),
    );
  } finally {
    mount.resume();
    download.close();
    await answering;
  }
  await instance.start();
  await balancer.untilStates("UP", [instance.name]);
}

async function isClosed(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return false;
  } catch {
    return true;
  }
}

testWith(
  [...FOR_PROGRAM, "haproxy", "gluster"],
  "instances with one worker and with two survive that their mounts hang",
  () =>
    withGluster((volume, mounts) =>
      withFleetOn(
        [mounts[0].path, mounts[1].path, mounts[2].path],
        async (fleet) => {
          await hangBoth(volume, mounts, fleet);
          await Promise.all(
            HUNG.map((index) => drainWhileHung(mounts[index]!, fleet.instances[index]!, fleet)),
          );
        },
        { args: ["1", "2", "1"].map((count) => ["--grace", String(GRACE), "--workers", count]) },
      )
    ),
);
