// Tests without a socket: deno test examples/testing_test.ts
//
// A handler is a function. webHandler() lets a test call it as a browser would.

import { assertEquals } from "@std/assert";
import { json, readJson, router, StatusError, webHandler } from "@wireserve/wireserve";

const handler = router([
  {
    method: "POST",
    path: "/sum",
    handler: async (request) => {
      const numbers = await readJson(request);
      if (!Array.isArray(numbers)) throw new StatusError(422, "Send an array of numbers.");
      return json({ sum: numbers.reduce((sum: number, each) => sum + Number(each), 0) });
    },
  },
]);

const ask = webHandler(handler);

function post(content: string, type = "application/json"): Promise<Response> {
  const headers = { "Content-Type": type };
  return ask(new Request("http://localhost/sum", { method: "POST", headers, body: content }));
}

Deno.test("POST /sum adds numbers", async () => {
  const response = await post("[1, 2, 3]");
  assertEquals([response.status, await response.json()], [200, { sum: 6 }]);
});

Deno.test("POST /sum refuses what is no array of numbers", async () => {
  assertEquals((await post("{}")).status, 422);
  assertEquals((await post("[1, ")).status, 400);
  assertEquals((await post("[1]", "text/plain")).status, 415);
});

Deno.test("GET /sum is not allowed", async () => {
  const response = await ask(new Request("http://localhost/sum"));
  assertEquals([response.status, response.headers.get("Allow")], [405, "POST, OPTIONS"]);
});
