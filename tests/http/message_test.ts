// Type errors that the types of messages must cause.

import { assertEquals } from "@std/assert";
import type { Handler } from "../../lib/http/message.ts";

Deno.test("Handler cannot return a web Response", () => {
  // @ts-expect-error Of a web Response, only the status would be sent.
  const handler: Handler = () => new Response("lost");
  assertEquals(typeof handler, "function"); // The check is the compiler's.
});
