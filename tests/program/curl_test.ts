// curl as a real client: what it makes of the responses is what users see.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { FOR_PROGRAM, type Need, testWith } from "../support/needs.ts";
import { withProgram } from "../support/program.ts";
import { withDirectory } from "../support/temp.ts";

const NEEDS: readonly Need[] = [...FOR_PROGRAM, "curl"];

/** Runs curl, which must succeed, and gives its output. */
async function curl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("curl", {
    args: ["--silent", "--show-error", "--max-time", "30", ...args],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

testWith(
  NEEDS,
  "curl reuses one connection for two requests with --next",
  () =>
    withProgram(["--verbose"], async (program) => {
      const url = program.url("/echo/one");
      assertEquals(
        await curl(url, "--next", "--silent", program.url("/echo/two")),
        "onetwo",
      );
      await program.until(/closed/);
      await program.until(/"GET [^]*"GET [^]*\n/);
      assertEquals(program.log.match(/connection_opened/g)?.length, 1);
      assertEquals(program.stdout.match(/"GET \/echo/g)?.length, 2);
    }),
);

testWith(
  NEEDS,
  "curl --compressed decodes what it is sent, small and large",
  () =>
    withDirectory((path) =>
      withProgram(["--directory", path], async (program) => {
        const text = "all work and no play\n".repeat(50_000);
        await Deno.writeTextFile(`${path}/large.txt`, text);
        await Deno.writeTextFile(`${path}/small.txt`, "small");
        const format = ["--compressed", "--include", "--http1.1"];

        const small = await curl(...format, program.url("/files/small.txt"));
        assertMatch(
          small,
          /Content-Encoding: gzip\r\nContent-Length: [0-9]+\r\n\r\nsmall$/,
        );

        const large = await curl(...format, program.url("/files/large.txt"));
        assertStringIncludes(
          large,
          "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        );
        assert(large.endsWith(`\r\n\r\n${text}`));

        const old = await curl(
          "--compressed",
          "--include",
          "--http1.0",
          program.url("/files/large.txt"),
        );
        assert(!old.includes("Transfer-Encoding"));
        assert(old.endsWith(`\r\n\r\n${text}`));
      })
    ),
);

testWith(
  NEEDS,
  "curl is not sent again compressed what a name says is compressed",
  () =>
    withDirectory((path) =>
      withProgram(["--directory", path], async (program) => {
        await Deno.writeTextFile(`${path}/a.PNG`, "not really");
        const png = await curl(
          "--compressed",
          "--include",
          program.url("/files/a.PNG"),
        );
        assert(!png.includes("Content-Encoding") && !png.includes("Vary"));
        assert(png.endsWith("not really"));
      })
    ),
);

testWith(
  NEEDS,
  "curl --data-binary stores what it sends, chunked as well",
  () =>
    withDirectory((path) =>
      withProgram(["--directory", path], async (program) => {
        const bytes = crypto.getRandomValues(new Uint8Array(60_000));
        await Deno.writeFile(`${path}/source`, bytes);
        const format = [
          "--write-out",
          "%{http_code}",
          "--data-binary",
          `@${path}/source`,
        ];

        assertEquals(await curl(...format, program.url("/files/plain")), "201");
        assertEquals(await Deno.readFile(`${path}/plain`), bytes);

        const chunked = ["--header", "Transfer-Encoding: chunked"];
        assertEquals(
          await curl(
            ...format,
            ...chunked,
            program.url("/files/deep/in/chunks"),
          ),
          "201",
        );
        assertEquals(await Deno.readFile(`${path}/deep/in/chunks`), bytes);
      })
    ),
);

testWith(
  NEEDS,
  "curl waits for 100 Continue, and gets no invitation where the answer is final",
  () =>
    withDirectory((path) =>
      withProgram(
        ["--directory", path, "--max-body-size", "1K"],
        async (program) => {
          const format = [
            "--include",
            "--expect100-timeout",
            "20",
            "--header",
            "Expect: 100-continue",
          ];
          const invited = await curl(
            ...format,
            "--data-binary",
            "abc",
            program.url("/files/a"),
          );
          assertMatch(
            invited,
            /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 Created\r\n/,
          );

          const large = "x".repeat(1025);
          const refused = await curl(
            ...format,
            "--data-binary",
            large,
            program.url("/files/b"),
          );
          assertMatch(refused, /^HTTP\/1\.1 413 Content Too Large\r\n/);
          const unknown = await curl(
            ...format,
            "--data-binary",
            "abc",
            program.url("/nothing"),
          );
          assertMatch(unknown, /^HTTP\/1\.1 404 Not Found\r\n/);
        },
      )
    ),
);

testWith(
  NEEDS,
  "curl --http1.0 gets a response that ends with the connection",
  () =>
    withProgram(["--verbose"], async (program) => {
      const response = await curl(
        "--http1.0",
        "--include",
        program.url("/echo/old"),
      );
      assertMatch(
        response,
        /^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n\r\nold$/,
      );
    }),
);

testWith(
  NEEDS,
  "curl --head gets the fields of GET and no content",
  () =>
    withDirectory((path) =>
      withProgram(["--directory", path], async (program) => {
        await Deno.writeTextFile(`${path}/a`, "abc");
        const withoutDate = (text: string) => text.replace(/Date: [^\r]*\r\n/, "");
        for (const target of ["/", "/echo/abc", "/user-agent", "/files/a"]) {
          const got = await curl("--include", program.url(target));
          const head = await curl("--head", program.url(target));
          assertEquals(
            withoutDate(head),
            withoutDate(got.slice(0, got.indexOf("\r\n\r\n") + 4)),
            target,
          );
        }
      })
    ),
);

testWith(
  NEEDS,
  "curl reaches localhost by either address",
  () =>
    withProgram([], async (program) => {
      for (const host of ["127.0.0.1", "[::1]", "localhost"]) {
        assertEquals(
          await curl(`http://${host}:${program.port}/echo/here`),
          "here",
          host,
        );
      }
    }),
);
