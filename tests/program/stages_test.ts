// The fourteen stages of the challenge: the real program, started by your_program.sh, and a raw
// TCP client that is as strict as the challenge's own checker.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { toBytes } from "@std/streams/to-bytes";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Program, withProgram } from "../support/program.ts";
import { RawClient, type RawResponse } from "../support/raw_client.ts";
import { withDirectory } from "../support/temp.ts";

const stage = (name: string, run: () => Promise<void>) =>
  testWith(FOR_PROGRAM, `stage ${name}`, run);

const OK = "HTTP/1.1 200 OK";
const NOT_FOUND = "HTTP/1.1 404 Not Found";

/** Sends a request with the field lines given on a connection of its own. */
async function ask(
  program: Program,
  line: string,
  ...fields: string[]
): Promise<RawResponse> {
  using client = await RawClient.connect(program.port);
  await client.send(request(line, ...fields));
  return await client.readResponse(line.split(" ")[0]);
}

function request(line: string, ...fields: string[]): string {
  return [`${line} HTTP/1.1`, "Host: localhost:4221", ...fields, "", ""].join(
    "\r\n",
  );
}

async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(
    new DecompressionStream("gzip"),
  );
  return new TextDecoder().decode(await toBytes(stream));
}

stage(
  "1: it accepts connections, and the next start follows the last one's end at once",
  async () => {
    const first = await Program.start();
    // A connection that the server ends stays in TIME_WAIT: the port is taken all the same.
    await ask(first, "GET /", "Connection: close");
    await first.stop("SIGKILL");
    const second = await Program.start(["--port", String(first.port)]);
    assertEquals(second.port, first.port);
    assertEquals((await ask(second, "GET /")).status, 200);
    await second.stop();
  },
);

stage(
  "2: GET / is 200 without content, Server or Date",
  () =>
    withProgram([], async (program) => {
      const { statusLine, fields, content } = await ask(program, "GET /");
      assertEquals(statusLine, OK);
      assertEquals([...fields], [["content-length", "0"]]);
      assertEquals(content.length, 0);
    }),
);

stage(
  "3: a path that is nothing is 404",
  () =>
    withProgram([], async (program) => {
      for (
        const path of ["/abc", "/echo", "/index.html", "/user-agent/", "//"]
      ) {
        assertEquals(
          (await ask(program, `GET ${path}`)).statusLine,
          NOT_FOUND,
          path,
        );
      }
    }),
);

stage(
  "4: /echo/ answers what follows it",
  () =>
    withProgram([], async (program) => {
      for (const text of ["abc", "dooby/Coo-Monkey", "a/b/c/", ""]) {
        const { statusLine, fields, text: content } = await ask(
          program,
          `GET /echo/${text}`,
        );
        assertEquals(statusLine, OK);
        assertEquals(fields.get("content-type"), "text/plain");
        assertEquals(fields.get("content-length"), String(text.length));
        assertEquals(content, text);
        assert(fields.has("date"));
      }
      assertEquals(
        (await ask(program, "GET /echo/a%20b%2Fc%C3%A9")).content,
        new TextEncoder().encode("a b/cé"),
      );
    }),
);

stage(
  "5: /user-agent answers the field's value, whatever the case of its name",
  () =>
    withProgram([], async (program) => {
      for (
        const name of ["User-Agent", "user-agent", "USER-AGENT", "uSeR-aGeNt"]
      ) {
        const { statusLine, fields, text } = await ask(
          program,
          "GET /user-agent",
          `${name}: foobar/1.2.3`,
        );
        assertEquals(statusLine, OK);
        assertEquals(fields.get("content-type"), "text/plain");
        assertEquals(text, "foobar/1.2.3");
      }
      assertEquals(
        (await ask(program, "GET /user-agent", "User-Agent: caf\xc3\xa9")).text,
        "caf\xc3\xa9",
      );
      assertEquals(
        (await ask(program, "GET /user-agent")).statusLine,
        NOT_FOUND,
      );
    }),
);

stage(
  "6: several connections at once, each silent for a while",
  () =>
    withProgram([], async (program) => {
      const clients = await Promise.all(
        Array.from({ length: 20 }, () => RawClient.connect(program.port)),
      );
      for (const client of clients.toReversed()) {
        await client.send(request("GET /"));
        assertEquals((await client.readResponse()).statusLine, OK);
      }
      for (const client of clients) client.close();
    }),
);

stage(
  "7: GET /files sends files, also such as appear after the start",
  () =>
    withDirectory(async (path) => {
      await Deno.writeTextFile(`${path}/before`, "there before");
      await withProgram(["--directory", `${path}/`], async (program) => {
        await Deno.writeTextFile(`${path}/after`, "there after");
        for (const name of ["before", "after"]) {
          const { statusLine, fields, text } = await ask(
            program,
            `GET /files/${name}`,
          );
          assertEquals(statusLine, OK);
          assertEquals(fields.get("content-type"), "application/octet-stream");
          assertEquals(fields.get("content-length"), String(text.length));
          assertEquals(text, `there ${name}`);
        }
        assertEquals(
          (await ask(program, "GET /files/never")).statusLine,
          NOT_FOUND,
        );
      });
    }),
);

stage(
  "7: without --directory, /files is 404 to reading and writing, and names the flag",
  () =>
    withProgram([], async (program) => {
      for (const line of ["GET /files/a", "POST /files/a"]) {
        const { statusLine, text } = await ask(program, line);
        assertEquals(statusLine, NOT_FOUND);
        assertMatch(text, /--directory/);
      }
    }),
);

stage(
  "8: POST /files creates and replaces files",
  () =>
    withDirectory(async (path) => {
      await withProgram(["--directory", path], async (program) => {
        for (const text of ["first", "the second, which is longer", "", "x"]) {
          using client = await RawClient.connect(program.port);
          await client.send(
            request("POST /files/new", `Content-Length: ${text.length}`) + text,
          );
          assertEquals(
            (await client.readResponse()).statusLine,
            "HTTP/1.1 201 Created",
          );
          assertEquals(await Deno.readTextFile(`${path}/new`), text);
        }
      });
    }),
);

stage(
  "9 and 10: gzip where it is among the codings that are accepted",
  () =>
    withProgram([], async (program) => {
      const cases: [accepted: string, coding: string | undefined][] = [
        ["gzip", "gzip"],
        ["invalid-encoding", undefined],
        ["encoding-1, gzip, encoding-2", "gzip"],
        ["encoding-1, encoding-2", undefined],
      ];
      for (const [accepted, coding] of cases) {
        const { fields } = await ask(
          program,
          "GET /echo/abc",
          `Accept-Encoding: ${accepted}`,
        );
        assertEquals(fields.get("content-encoding"), coding, accepted);
        assertEquals(fields.get("content-type"), "text/plain");
        assertEquals(fields.get("vary"), "Accept-Encoding");
      }
    }),
);

stage(
  "11: the content really is gzip, and Content-Length is its length",
  () =>
    withProgram([], async (program) => {
      for (const text of ["a", "abc", "apple".repeat(1000)]) {
        const { fields, content } = await ask(
          program,
          `GET /echo/${text}`,
          "Accept-Encoding: gzip",
        );
        assertEquals(fields.get("content-length"), String(content.length));
        assertEquals(await gunzip(content.slice()), text);
      }
    }),
);

stage(
  "12 and 13: several requests on each of several connections",
  () =>
    withProgram([], async (program) => {
      const clients = await Promise.all(
        [1, 2, 3].map(() => RawClient.connect(program.port)),
      );
      for (const round of [1, 2, 3]) {
        for (const [index, client] of clients.entries()) {
          await client.send(request(`GET /echo/${index}-${round}`));
          const { text, fields } = await client.readResponse();
          assertEquals(text, `${index}-${round}`);
          assertEquals(fields.get("connection"), undefined);
        }
      }
      for (const client of clients) client.close();
    }),
);

stage(
  "14: Connection: close is answered in kind, and the connection closed",
  () =>
    withProgram([], async (program) => {
      using client = await RawClient.connect(program.port);
      await client.send(request("GET /"));
      assertEquals(
        (await client.readResponse()).fields.get("connection"),
        undefined,
      );
      await client.send(request("GET /echo/bye", "Connection: close"));
      const { text, fields } = await client.readResponse();
      assertEquals({ text, connection: fields.get("connection") }, {
        text: "bye",
        connection: "close",
      });
      assertEquals((await client.readToEnd()).length, 0);
    }),
);
