// The second port of a server with TLS, and its certificate and key in the wrong places.

import { assertEquals, assertMatch } from "@std/assert";
import { makeCertificates } from "../support/certificates.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { freePort } from "../support/ports.ts";
import { Program, runProgram } from "../support/program.ts";
import { RawClient } from "../support/raw_client.ts";
import { withDirectory } from "../support/temp.ts";

/** A request line, its host, and where it is redirected to, by the port with TLS. */
const CASES: [line: string, host: string, status: number, location: (port: number) => string][] = [
  ["GET /a?b=c", "localhost:80", 308, (port) => `https://localhost:${port}/a?b=c`],
  ["PUT /a", "127.0.0.1", 308, (port) => `https://127.0.0.1:${port}/a`],
  ["GET //evil.example/", "localhost", 308, (port) => `https://localhost:${port}//evil.example/`],
  ["GET http://localhost/a", "localhost", 308, (port) => `https://localhost:${port}/a`],
  ["OPTIONS *", "localhost", 308, (port) => `https://localhost:${port}/`],
  ["GET /", "[::1]:80", 308, (port) => `https://[::1]:${port}/`],
  ["GET /", "evil.example", 421, () => ""],
];

testWith(
  [...FOR_PROGRAM, "openssl"],
  "--redirect-https redirects to the port with TLS",
  () =>
    withDirectory(async (path) => {
      const { one } = await makeCertificates(path);
      const [cert, key] = [`${path}/cert.pem`, `${path}/key.pem`];
      await Deno.writeTextFile(cert, one.cert);
      await Deno.writeTextFile(key, one.key);
      const plain = freePort();
      const flags = ["--tls-cert", cert, "--tls-key", key, "--redirect-https", String(plain), path];
      const program = await Program.start(flags);
      try {
        for (const [line, host, expected, location] of CASES) {
          using client = await RawClient.connect(plain);
          await client.send(`${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
          const { status, fields } = await client.readResponse();
          assertEquals(
            [status, fields.get("location") ?? ""],
            [expected, location(program.port)],
            line,
          );
        }
        using old = await RawClient.connect(plain);
        await old.send("GET / HTTP/1.0\r\n\r\n");
        assertEquals((await old.readResponse()).status, 400);
      } finally {
        assertEquals((await program.stop()).code, 0);
      }
      const swapped = await runProgram(["--tls-cert", key, "--tls-key", cert, path]);
      assertEquals(swapped.code, 1);
      assertMatch(swapped.stderr, /the files of --tls-cert and --tls-key are swapped/);
    }),
);
