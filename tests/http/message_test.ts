// What the types of messages let pass, which is for the compiler to say.

import { assertEquals } from "@std/assert";
import type { Handler } from "../../lib/http/message.ts";

Deno.test("Handler takes a web Response for none of its own", () => {
  // @ts-expect-error It has a status, and its headers and its body would not be sent.
  const handler: Handler = () => new Response("lost");
  assertEquals(typeof handler, "function"); // The check is the compiler's.
});
