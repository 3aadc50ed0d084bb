// Instances share nothing but the directory: what one has done, the others see at once.

import { assert, assertEquals } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { until } from "../support/wait.ts";
import { type Fleet, type FleetInstance, withFleet } from "./fleet.ts";
import { contentOf, isSame } from "./load.ts";

/** Files that are replaced through one instance and read through all. */
const ROUNDS = 200;

/** Milliseconds for which a file must be left alone before an instance holds it in memory. */
const SETTLED_AFTER = 3000;

interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly content: Uint8Array;
}

async function ask(
  instance: FleetInstance,
  path: string,
  init: RequestInit = {},
): Promise<Answer> {
  const response = await fetch(instance.url(path), init);
  const { status, headers } = response;
  return { status, etag: headers.get("ETag"), content: await response.bytes() };
}

function put(
  instance: FleetInstance,
  path: string,
  body: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return ask(instance, path, { method: "PUT", body, headers });
}

/** All instances give these bytes of a file, and the same entity tag. */
async function checkEverywhere({ instances }: Fleet, path: string, content: Uint8Array) {
  const answers = await Promise.all(instances.map((instance) => ask(instance, path)));
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
    const { status } = await put(instance, `/files/held/${round}`, content);
    assert(status === 201 || status === 204, String(status));
    await checkEverywhere(fleet, `/files/held/${round}`, content);
  }
}

/** Uploads of one name through all instances at once. */
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
  const { content } = await ask(fleet.instances[0]!, path);
  const winner = contents.findIndex((each) => isSame(each, content));
  assert(winner >= 0, `${path} is a mixture`);
  if (isNew) assertEquals(answers[winner]!.status, 201);
  await checkEverywhere(fleet, path, contents[winner]!);
}

async function namesIn(instance: FleetInstance, path: string): Promise<string> {
  const { content } = await ask(instance, path, { headers: { Accept: "application/json" } });
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

      await context.step("uploads of one name at once leave one whole file", async () => {
        for (const size of [1, 4096, 65_537, 1024 * 1024]) {
          for (let round = 0; round < 8; round++) await race(fleet, round, size, round % 2 === 0);
        }
      });

      await context.step("all see a new folder, its listing, and that a file is gone", async () => {
        await put(a, "/files/folder/one", contentOf(1, 10));
        await put(b, "/files/folder/two", contentOf(2, 10));
        for (const instance of instances) {
          const names = await namesIn(instance, "/files/folder/");
          assert(names.includes('"one"') && names.includes('"two"'), names);
        }
        assertEquals((await ask(c, "/files/folder/one", { method: "DELETE" })).status, 204);
        for (const instance of instances) {
          assertEquals((await ask(instance, "/files/folder/one")).status, 404);
          assert(!(await namesIn(instance, "/files/folder/")).includes('"one"'));
        }
      });

      await context.step("the log has the client's address, not HAProxy's", async () => {
        const lie = "X-Forwarded-For: 198.51.100.7";
        const { code } = await new Deno.Command("curl", {
          args: ["-sSf", "--interface", "127.0.0.2", "-H", lie, "-H", "Forwarded: for=192.0.2.1"]
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

      await context.step("what they hold in memory is never old", async () => {
        const last = (await Deno.stat(`${directory}/held/${ROUNDS - 1}`)).ctime!.getTime();
        await until(() => Date.now() - last > SETTLED_AFTER);
        // Each instance reads every file: from then on it holds them.
        for (let round = 0; round < ROUNDS; round++) {
          await checkEverywhere(fleet, `/files/held/${round}`, contentOf(round + 100_000, 100));
        }
        await storeThroughEach(fleet, 100 + 1);
        await ask(a, "/files/held/7", { method: "DELETE" });
        for (const instance of instances) {
          assertEquals((await ask(instance, "/files/held/7")).status, 404);
        }
      });
    }),
);
