import { assertEquals } from "@std/assert";
import { type ByteTarget, LineWriter } from "../../lib/access_log/sink.ts";
import { testWith } from "../support/needs.ts";

/** A target that takes three bytes at a time, and no more than there is room for. */
class Small implements ByteTarget {
  text = "";
  room = Infinity;

  write(bytes: Uint8Array): Promise<number> {
    const count = Math.min(3, bytes.length, this.room);
    if (count === 0) return Promise.reject(new Deno.errors.BrokenPipe());
    this.room -= count;
    this.text += new TextDecoder().decode(bytes.subarray(0, count));
    return Promise.resolve(count);
  }
}

Deno.test("LineWriter writes all bytes, however few are taken at a time", async () => {
  const target = new Small();
  const writer = new LineWriter(target);
  assertEquals(await writer.write("one\ntwo\nthree\n"), 0);
  assertEquals(target.text, "one\ntwo\nthree\n");
});

Deno.test("LineWriter counts lost lines at every byte of failure, and tears none that follow", async () => {
  const lines = "one\ntwo\nthree\n";
  for (let room = 0; room <= lines.length; room++) {
    const target = new Small();
    const writer = new LineWriter(target);
    target.room = room;
    const lost = await writer.write(lines);
    assertEquals(lost, 3 - lines.slice(0, room).split("\n").length + 1, `room for ${room}`);
    assertEquals(await writer.write("again\n"), 1);
    target.room = Infinity;
    assertEquals(await writer.write("four\n"), 0);
    const whole = target.text.split("\n");
    assertEquals(whole.slice(-2), ["four", ""], `room for ${room}`);
    assertEquals(whole.slice(0, 3 - lost), ["one", "two", "three"].slice(0, 3 - lost));
  }
});

Deno.test("LineWriter begins below what was torn before", async () => {
  const target = new Small();
  const writer = new LineWriter(target, true);
  target.room = 0;
  assertEquals(await writer.write("a\nb\n"), 2);
  target.room = 1;
  assertEquals(await writer.write("a\nb\n"), 2);
  target.room = Infinity;
  assertEquals(await writer.write("c\n"), 0);
  assertEquals(target.text, "\nc\n");
});

Deno.test("LineWriter gives up on a target that takes nothing", async () => {
  const writer = new LineWriter({ write: () => Promise.resolve(0) });
  assertEquals(await writer.write("a\nb\n"), 2);
});

const SCRIPT = `
  import { LineWriter } from ${
  JSON.stringify(new URL("../../lib/access_log/sink.ts", import.meta.url).href)
};
  const writer = new LineWriter(Deno.stdout);
  console.error(await writer.write("a\\nb\\n"), await writer.write("c\\n"));
`;

testWith(["run", "linux"], "LineWriter counts what a full device does not take", async () => {
  const { stderr, success } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$0" eval "$1" >/dev/full', Deno.execPath(), SCRIPT],
  }).output();
  assertEquals([new TextDecoder().decode(stderr), success], ["2 1\n", true]);
});
