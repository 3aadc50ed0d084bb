// The refusals of the program's table: a 405 says which flag would help.

import { assertEquals, assertThrows } from "@std/assert";
import type { FileHandlers } from "../lib/files/handlers.ts";
import { type HttpRequest, ParsedRequest } from "../lib/http/message.ts";
import { StatusError } from "../lib/http/status.ts";
import { router } from "../lib/router.ts";
import { routes } from "../lib/routes.ts";
import { headWith } from "./support/exchange.ts";

const answer = () => ({ status: 200 });
const FILES: FileHandlers = {
  redirect: answer,
  read: answer,
  post: answer,
  put: answer,
  remove: answer,
  makeDirectory: answer,
  move: answer,
};

function request(method: string): HttpRequest {
  return new ParsedRequest({ ...headWith(), method, path: "/files/a", target: "/files/a" });
}

const READ_ONLY = "The server is read-only: start it without --read-only to change files.";
const NO_DELETE = "Deleting is turned off: start the server with --allow-delete.";

const CASES: [files: Partial<FileHandlers>, method: string, sentence: string, allow: string][] = [
  [{ remove: null }, "DELETE", NO_DELETE, "GET, HEAD, POST, PUT, OPTIONS"],
  [{ post: null, put: null, remove: null }, "POST", READ_ONLY, "GET, HEAD, OPTIONS"],
  [{ post: null, put: null, remove: null }, "PUT", READ_ONLY, "GET, HEAD, OPTIONS"],
  [{ post: null, put: null, remove: null }, "DELETE", READ_ONLY, "GET, HEAD, OPTIONS"],
  [
    { redirect: null, remove: null }, // without a directory
    "DELETE",
    "This path allows GET, HEAD, POST, PUT and OPTIONS only.",
    "GET, HEAD, POST, PUT, OPTIONS",
  ],
  [
    {},
    "PATCH",
    "This path allows GET, HEAD, POST, PUT, DELETE and OPTIONS only.",
    "GET, HEAD, POST, PUT, DELETE, OPTIONS",
  ],
];

Deno.test("routes() says in a 405 which flag allows the method", () => {
  for (const [files, method, sentence, allow] of CASES) {
    const handler = router(routes({ ...FILES, ...files }));
    const { status, message, fields } = assertThrows(() => handler(request(method)), StatusError);
    assertEquals([status, message, fields], [405, sentence, { "Allow": allow }]);
    assertEquals(handler(request("OPTIONS")), { status: 204, fields: { "Allow": allow } });
  }
});
