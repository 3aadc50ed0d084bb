// What the heads of responses cost: frozen fields that were sent within the same second (hit), fresh
// fields each time (miss), and frozen fields with another date each time (miss, and stored).

import { HeadComposer, writeHead, writeLatin1 } from "../../lib/http/writer.ts";

const composer = new HeadComposer();
const frozen = Object.freeze({ "Content-Type": "text/plain", "Vary": "Accept-Encoding" });
const into = new Uint8Array(4096);
let count = 0;

function send(fields: Record<string, string>, date: string): void {
  const framing = { type: "length", length: count++ % 100 } as const;
  const head = composer.compose({ minorVersion: 1 }, { status: 200, fields }, {
    date,
    framing,
    closes: false,
  });
  writeHead(head, into, 0);
}

const DATE = "Fri, 20 Nov 2026 09:00:00 GMT";

Deno.bench("HeadComposer, frozen fields (hit)", { group: "head" }, () => send(frozen, DATE));
Deno.bench("HeadComposer, fresh fields (miss)", { group: "head", baseline: true }, () => {
  send({ "Content-Type": "text/plain", "Vary": "Accept-Encoding" }, DATE);
});
Deno.bench("HeadComposer, frozen fields, another second (miss)", { group: "head" }, () => {
  send(frozen, `Fri, 20 Nov 2026 09:00:${count % 60} GMT`);
});

// The encoder writes long text in ASCII (hit); a character beyond needs the loop after it (miss).
const long = "Content-Type: text/plain\r\n".repeat(8);
const texts = {
  "short": "1f40\r\n",
  "long, ASCII (hit)": long,
  "long, Latin-1 (miss)": `${long}\xe9`,
};
for (const [name, text] of Object.entries(texts)) {
  Deno.bench(`writeLatin1(), ${name}`, { group: "text" }, () => writeLatin1(text, into, 0));
}
