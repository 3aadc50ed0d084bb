// A structured fuzz test of the live server: valid requests with a few octets changed, removed or
// added. The server must answer or close, without a hang, a 500 or an uncaught error.

import { assert, assertEquals } from "@std/assert";
import fc from "npm:fast-check@4.10.2";
import { Root } from "../../lib/files/root.ts";
import { handlersOf } from "../../lib/files/handlers.ts";
import { DEFAULT_FILE_SETTINGS } from "../../lib/files/settings.ts";
import { router } from "../../lib/router.ts";
import { routes } from "../../lib/routes.ts";
import { serve } from "../../lib/server/server.ts";
import { testWith } from "../support/needs.ts";
import { fromLatin1, RawClient, toLatin1 } from "../support/raw_client.ts";
import { listTree, withDirectory } from "../support/temp.ts";

const HOST = "Host: localhost\r\n";

const SEEDS = [
  `GET / HTTP/1.1\r\n${HOST}\r\n`,
  `GET /echo/abc HTTP/1.1\r\n${HOST}Accept-Encoding: gzip;q=0.5, *;q=0\r\nConnection: close\r\n\r\n`,
  `HEAD /user-agent HTTP/1.0\r\nUser-Agent: fuzz\r\nConnection: keep-alive\r\n\r\n`,
  `GET http://localhost:80/files/a%20b?c HTTP/1.1\r\n${HOST}\r\n`,
  `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
  `POST /files/new HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nabcde`,
  `POST /files/d/e/f HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5;a="b"\r\nabcde\r\n0\r\nT: x\r\n\r\n`,
  `POST /files/new HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nabcde`,
  `POST /echo/x HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n${HOST}\r\n`,
];

/** Octets with a meaning, which mutations add. */
const TOKENS = [
  ...'\r\n|\r|\n| |\t|:|,|;|=|"|%|%00|%2f|..|/|0|-1|9999999999|ffffffffffffffff|\0|\x7f|\xff'.split(
    "|",
  ),
  "Transfer-Encoding: chunked\r\n",
  "Content-Length: 1\r\n",
  "Connection: close\r\n",
  HOST,
];

const mutation = fc.record({
  at: fc.nat(400),
  removed: fc.nat(3),
  added: fc.oneof(fc.constantFrom("", ...TOKENS), fc.string({ maxLength: 3 })),
});

const mutant = fc.tuple(
  fc.array(fc.constantFrom(...SEEDS), { minLength: 1, maxLength: 3 }),
  fc.array(mutation, { maxLength: 3 }),
).map(([seeds, mutations]) =>
  mutations.reduce((text, { at, removed, added }) => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + added + text.slice(place + removed);
  }, seeds.join(""))
);

/** Whether the client ends its side. If not, only a deadline ends an unfinished request. */
const endsSide = fc.nat(99).map((number) => number > 0);

/** The status codes of a series of responses. Anything else is an error. */
function statuses(received: string): number[] {
  const lines = [...received.matchAll(/HTTP\/1\.1 ([0-9]{3}) [A-Z][A-Za-z -]*\r\n/g)];
  assert(received === "" || received.startsWith("HTTP/1.1 "), received);
  return lines.map(([, status]) => Number(status));
}

/** Deadlines, in seconds, that end unfinished requests. */
const LIMITS = { idleTimeout: 1, headerTimeout: 1, bodyTimeout: 1, lingerTimeout: 1 };

/** Milliseconds after which a request counts as hung. The sum of them bounds the shrinking. */
const REQUEST_TIMEOUT = 30_000;
const MAX_DURATION = 20 * REQUEST_TIMEOUT;

async function fuzz(path: string): Promise<void> {
  const errors: unknown[] = [];
  const server = serve(router(routes(handlersOf(new Root(path), DEFAULT_FILE_SETTINGS))), {
    port: 0,
    limits: LIMITS,
    onError: (error) => void errors.push(error),
  });
  const property = fc.asyncProperty(mutant, endsSide, fc.nat(), async (text, ends, cut) => {
    using client = await RawClient.connect(server.port);
    const octets = fromLatin1(text.replace(/[^\0-\xff]/g, "?"));
    const middle = cut % (octets.length + 1);
    await client.trySend(octets.subarray(0, middle));
    await client.trySend(octets.subarray(middle));
    if (ends) await client.endSending().catch(() => {});
    const found = statuses(toLatin1(await client.readToEnd()));
    assert(!found.some((status) => status === 500), text);
    assertEquals(errors, []);
  });
  await fc.assert(property, {
    numRuns: 1500,
    timeout: REQUEST_TIMEOUT,
    interruptAfterTimeLimit: MAX_DURATION,
    markInterruptAsFailure: true,
  });
  await server.close();
}

testWith(
  ["net", "read", "write"],
  "serve() answers or closes, whatever becomes of good requests",
  () =>
    withDirectory(async (path) => {
      await Deno.writeTextFile(`${path}/a b`, "content");
      await fuzz(path);
      assertEquals((await listTree(path)).filter((name) => name.includes(".part")), []);
    }),
);
