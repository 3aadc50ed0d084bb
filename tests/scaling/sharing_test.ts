// Instances share nothing but the directory: what one changes, the others see at once.

import { assert, assertEquals } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { until } from "../support/wait.ts";
import { type Fleet, type FleetInstance, withFleet } from "./fleet.ts";
import { contentOf, isSame } from "./load.ts";

/** Files that are replaced through one instance and read through all. */
const ROUNDS = 200;

/** Milliseconds without changes after which a file may be cached. */
const CACHEABLE_AFTER = 3000;

interface Received {
  readonly status: number;
  readonly etag: string | null;
  readonly content: Uint8Array;
}

async function send(
  instance: FleetInstance,
  path: string,
  init: RequestInit = {},
): Promise<Received> {
  const response = await fetch(instance.url(path), init);
  const { status, headers } = response;
  return { status, etag: headers.get("ETag"), content: await response.bytes() };
}

function put(
  instance: FleetInstance,
  path: string,
  body: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Received> {
  return send(instance, path, { method: "PUT", body, headers });
}

/** Checks that all instances answer with these bytes, and with the same entity tag. */
async function checkEverywhere({ instances }: Fleet, path: string, content: Uint8Array) {
  const answers = await Promise.all(instances.map((instance) => send(instance, path)));
  for (const answer of answers) {
    assertEquals(answer.status, 200, path);
    assert(isSame(answer.content, content), `${path} has other bytes`);
    assertEquals(answer.etag, answers[0]!.etag);
  }
}

async function storeThroughEach(fleet: Fleet, size: number): Promise<void> {
  const { instances } = fleet;
  for (let round = 0; round < ROUNDS; round++) {
    const content = contentOf(round + size * 1000, size);
    const instance = instances[round % instances.length]!;
    const { status } = await put(instance, `/files/shared/${round}`, content);
    assert(status === 201 || status === 204, String(status));
    await checkEverywhere(fleet, `/files/shared/${round}`, content);
  }
}

/** Uploads to one name through all instances at once. */
async function race(fleet: Fleet, round: number, size: number, isNew: boolean): Promise<void> {
  const path = `/files/${isNew ? `new-${round}-${size}` : "raced"}`;
  const contents = fleet.instances.map((_, index) => contentOf(10 * (index + 1) + round, size));
  const answers = await Promise.all(
    fleet.instances.map((instance, index) =>
      put(instance, path, contents[index]!, isNew ? { "If-None-Match": "*" } : {})
    ),
  );
  const statuses = answers.map(({ status }) => status).sort();
  if (isNew) assertEquals(statuses, [201, 412, 412]);
  else assert(statuses.every((status) => status === 201 || status === 204), String(statuses));
  const { content } = await send(fleet.instances[0]!, path);
  const winner = contents.findIndex((each) => isSame(each, content));
  assert(winner >= 0, `${path} is a mixture`);
  if (isNew) assertEquals(answers[winner]!.status, 201);
  await checkEverywhere(fleet, path, contents[winner]!);
}

async function namesIn(instance: FleetInstance, path: string): Promise<string> {
  const { content } = await send(instance, path, { headers: { Accept: "application/json" } });
  return new TextDecoder().decode(content);
}

testWith(
  [...FOR_PROGRAM, "haproxy", "curl"],
  "three instances on one directory are one server",
  (context) =>
    withFleet(async (fleet) => {
      const { directory, instances, balancer } = fleet;
      const [a, b, c] = instances as [FleetInstance, FleetInstance, FleetInstance];

      await context.step("an upload is read at once through the others", async () => {
        await storeThroughEach(fleet, 100);
      });

      await context.step("simultaneous uploads to one name leave one complete file", async () => {
        for (const size of [1, 4096, 65_537, 1024 * 1024]) {
          for (let round = 0; round < 8; round++) await race(fleet, round, size, round % 2 === 0);
        }
      });

      await context.step(
        "a new directory, its listing and a deletion are seen by all",
        async () => {
          await put(a, "/files/folder/one", contentOf(1, 10));
          await put(b, "/files/folder/two", contentOf(2, 10));
          for (const instance of instances) {
            const names = await namesIn(instance, "/files/folder/");
            assert(names.includes('"one"') && names.includes('"two"'), names);
          }
          assertEquals((await send(c, "/files/folder/one", { method: "DELETE" })).status, 204);
          for (const instance of instances) {
            assertEquals((await send(instance, "/files/folder/one")).status, 404);
            assert(!(await namesIn(instance, "/files/folder/")).includes('"one"'));
          }
        },
      );

      await context.step("the log has the client's address, not HAProxy's", async () => {
        const forged = "X-Forwarded-For: 198.51.100.7";
        const { code } = await new Deno.Command("curl", {
          args: ["-sSf", "--interface", "127.0.0.2", "-H", forged, "-H", "Forwarded: for=192.0.2.1"]
            .concat(balancer.url("/echo/who")),
          stdout: "null",
        }).output();
        assertEquals(code, 0);
        const lines = () => instances.map(({ program }) => program.stdout).join("").split("\n");
        const isIt = (line: string) => line.includes('"target":"/echo/who"');
        await until(() => lines().some(isIt));
        const { client, peer } = JSON.parse(lines().find(isIt)!);
        assertEquals([client, peer], ["127.0.0.2", "127.0.0.1"]);
      });

      await context.step("cached files are never stale", async () => {
        const last = (await Deno.stat(`${directory}/shared/${ROUNDS - 1}`)).ctime!.getTime();
        await until(() => Date.now() - last > CACHEABLE_AFTER);
        // Each instance reads every file, and so caches it.
        for (let round = 0; round < ROUNDS; round++) {
          await checkEverywhere(fleet, `/files/shared/${round}`, contentOf(round + 100_000, 100));
        }
        await storeThroughEach(fleet, 100 + 1);
        await send(a, "/files/shared/7", { method: "DELETE" });
        for (const instance of instances) {
          assertEquals((await send(instance, "/files/shared/7")).status, 404);
        }
      });
    }),
);
