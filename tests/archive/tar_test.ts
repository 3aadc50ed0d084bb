// The tar format: what does not fit into ustar, and how it ends.

import { assertEquals } from "@std/assert";
import { type ArchiveEntry, writeTar } from "../../lib/archive/tar.ts";
import { type Content, pieces } from "../../lib/http/content.ts";

type TarContent = Content & { readonly length: number };

function contentOf(text: string, length = text.length): TarContent {
  const parts = [new TextEncoder().encode(text)];
  const content: TarContent = {
    length,
    read: () => Promise.resolve(parts.pop() ?? null),
    close(): void {},
    [Symbol.asyncIterator]: () => pieces(content),
  };
  return content;
}

async function* generate(entries: readonly ArchiveEntry[]): AsyncGenerator<ArchiveEntry> {
  yield* entries;
}

async function bytesOf(...entries: ArchiveEntry[]): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of writeTar(generate(entries))) parts.push(piece.slice());
  return await new Blob(parts).bytes();
}

function text(bytes: Uint8Array, from: number, to: number): string {
  return new TextDecoder().decode(bytes.subarray(from, to)).replace(/\0+$/, "");
}

Deno.test("writeTar() pads members to blocks, and ends with two empty ones", async () => {
  const cases: [content: string, blocks: number][] = [
    ["", 1],
    ["x", 2],
    ["x".repeat(512), 2],
    ["x".repeat(513), 3],
  ];
  for (const [content, blocks] of cases) {
    const bytes = await bytesOf({ name: "a", modified: 1000, content: contentOf(content) });
    assertEquals(bytes.length, (blocks + 2) * 512);
    assertEquals(text(bytes, 0, 100), "a");
    assertEquals(text(bytes, 124, 136), content.length.toString(8).padStart(11, "0"));
    assertEquals(text(bytes, 512, 512 + content.length), content);
    const head = bytes.slice(0, 512).fill(0x20, 148, 156);
    const sum = head.reduce((total, each) => total + each, 0);
    assertEquals(text(bytes, 148, 156), `${sum.toString(8).padStart(6, "0")}\0 `);
  }
});

Deno.test("writeTar() writes what does not fit into a pax header", async () => {
  const long = "n".repeat(101);
  const cases: [entry: ArchiveEntry, records: string][] = [
    [{ name: long, modified: 0, content: contentOf("") }, `111 path=${long}\n`],
    [{ name: "å/", modified: 0, content: null }, "12 path=å/\n"],
    [{ name: "a", modified: -1500, content: contentOf("") }, "12 mtime=-2\n"],
    [{ name: "a", modified: 0, content: contentOf("", 8 ** 11) }, "19 size=8589934592\n"],
  ];
  for (const [entry, records] of cases) {
    let head: Uint8Array | undefined;
    for await (const piece of writeTar(generate([entry]))) {
      head = piece;
      break;
    }
    assertEquals(text(head!, 156, 157), "x");
    assertEquals(text(head!, 512, 1024), records);
    assertEquals(
      Number.parseInt(text(head!, 124, 136), 8),
      new TextEncoder().encode(records).length,
    );
    assertEquals(head!.length, 3 * 512);
  }
});
