// A rolling restart under load: the instances are restarted one after the other, and no request
// fails.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { until } from "../support/wait.ts";
import { driveOn } from "../support/wrk.ts";
import { type Balancer, type FleetInstance, withFleet } from "./fleet.ts";
import { Load } from "./load.ts";

/** Requests of the load before the first restart and after each. */
const BETWEEN = 50;

/** Seconds in which HAProxy, which checks every 50 ms, has to notice that one is not ready. */
const DRAIN_DELAY = 3;

/** Restarts an instance. It must get no request once HAProxy has seen that it is not ready. */
async function restart(instance: FleetInstance, balancer: Balancer): Promise<void> {
  const { name } = instance;
  const stopping = instance.stop();
  await balancer.untilStates("DOWN", [name]);
  const total = (await balancer.column("stot")).get(name);
  const ended = await stopping;
  assertEquals([ended?.code, ended?.stderr], [0, ""]);
  assertMatch(ended!.log, /"event":"drain_delay"[^]*"event":"draining"/);
  assertEquals((await balancer.column("stot")).get(name), total, `${name} got a late request`);
  await instance.start();
  await balancer.untilStates("UP", [name]);
}

testWith(
  [...FOR_PROGRAM, "haproxy", "wrk"],
  "a rolling restart of three instances under load fails no request",
  () =>
    withFleet(async ({ directory, instances, balancer }) => {
      await Deno.writeTextFile(`${directory}/page`, "<p>A page.</p>");
      const load = new Load(balancer.port, 4);
      const stopWrk = driveOn(balancer.url("/files/page"), 3);
      const more = async () => {
        const before = load.count;
        await until(() => load.count >= before + BETWEEN);
      };
      await more();
      for (const instance of instances) {
        await restart(instance, balancer);
        await more();
      }
      const { requests, errors } = await stopWrk();
      const outcomes = await load.stop();
      assertEquals(outcomes.filter(({ problem }) => problem !== null), []);
      assert(outcomes.length > 4 * BETWEEN);
      assert(requests > 1000, `${requests} requests`);
      assertEquals(errors, "");
      // No request was retried by HAProxy either. Requests that wrk aborted at its end do not
      // count.
      const log = balancer.log.filter(({ line }) => line !== "<BADREQ>");
      assert(log.length > outcomes.length);
      assertEquals(log.filter(({ status }) => status >= 400 || status < 200), []);
      assertEquals(log.filter(({ retries }) => retries !== "0"), []);
      for (const { name } of instances) assert(log.some(({ server }) => server === name));
    }, DRAIN_DELAY),
);
