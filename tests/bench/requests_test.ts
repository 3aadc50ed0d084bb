// Requests of the benchmark, as text and as scripts of wrk, and the results of wrk.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { expand, headOf, isVaried, luaOf, wrkScript } from "./requests.ts";
import type { RowRequest } from "./row.ts";
import { ROWS } from "./rows.ts";
import { parseResult } from "./wrk.ts";

function requestOf(id: string): RowRequest {
  return ROWS.find((row) => row.id === id)!.request;
}

Deno.test("expand() replaces each placeholder by a part of the number", () => {
  assertEquals(expand("/a-{n}/{n%10}/{n/10%10}/{nx}?", 123), "/a-123/3/2/0000007b?");
  assertEquals(expand("/{m}/{}", 1), "/{m}/{}");
});

Deno.test("luaOf() is an expression with the same value", () => {
  assertEquals(
    luaOf('a"{n}\r\n{n/25%250}{nx}'),
    String.raw`"a\"" .. (math.floor(n / 1)) .. "\r\n" .. (math.floor(n / 25) % 250) .. "" .. ` +
      'string.format("%08x", math.floor(n / 1)) .. ""',
  );
});

Deno.test("the varied row has seven fields, and differs in path, address, trace and cookie", () => {
  const [first, second] = [1, 2].map((n) => headOf(requestOf("varied"), 80, n).split("\r\n"));
  assertEquals(first!.length - 3, 7);
  const changed = first!.filter((line, at) => line !== second![at]);
  assertEquals(changed.map((line) => /^[\w-]+/.exec(line)![0]), [
    "GET",
    "X-Forwarded-For",
    "Traceparent",
    "Cookie",
  ]);
  assert(/^Traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-01$/m.test(first!.join("\n")));
  assert(isVaried(requestOf("varied-path")) && !isVaried(requestOf("browser")));
});

const OUTPUT = 'Running 600s test\n  2 requests\nresult {"requests":200,"bytes":5000,' +
  '"duration":500000,"p50":1500,"p99":2500,"p999":3000,"max":3500,"connect":0,"read":0,"write":0,"status":0,"timeout":0}\n';

Deno.test("parseResult() reads what wrk's script has written", () => {
  assertEquals(parseResult(OUTPUT, null), {
    requests: 200,
    seconds: 0.5,
    p50: 1.5,
    p99: 2.5,
    p999: 3,
    max: 3.5,
    errors: [],
  });
  assertEquals(parseResult(OUTPUT, 2000).requests, 2.5);
  assertThrows(() => parseResult("unable to connect", null), SyntaxError, "unable to connect");
});

Deno.test("parseResult() names every kind of error", () => {
  for (const kind of ["connect", "read", "write", "status", "timeout"]) {
    const output = OUTPUT.replace(`"${kind}":0`, `"${kind}":7`);
    assertEquals(parseResult(output, null).errors, [`7 errors of ${kind}`]);
  }
});

Deno.test("wrkScript() sends the row's fields", () => {
  const script = wrkScript(requestOf("browser"), 80, 0);
  assert(script.includes(String.raw`wrk.headers["sec-ch-ua-platform"] = "\"Linux\""`));
  assertEquals(Object.keys(requestOf("browser").fields).length + 1, 12, "with Host");
});

Deno.test("wrkScript() begins with the number that it is given", () => {
  assert(wrkScript(requestOf("many"), 80, 500).includes("local n = 499\n"));
});
