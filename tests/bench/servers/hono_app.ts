// One app of Hono on Wireserve or on Deno.serve. Arguments: "wireserve" or "deno", and the port.

import { Hono } from "npm:hono@4.13.19";
import { serveFetch } from "../../../lib/fetch/mod.ts";

const [server, port] = Deno.args;

const app = new Hono();
app.get("/", (context) => context.body(null));
app.get("/text", (context) => context.text("Hello"));
app.get(
  "/users/:id",
  (context) => context.json({ id: context.req.param("id"), page: context.req.query("page") }),
);
let stored = new ArrayBuffer(0);
app.put("/upload", async (context) => {
  stored = await context.req.arrayBuffer();
  return context.body(null, 201);
});
app.get("/upload", (context) => context.body(stored));
app.get("/stream", () => {
  const pieces = ["one,", "two,", "three"].map((text) => new TextEncoder().encode(text));
  return new Response(ReadableStream.from(pieces));
});

const options = { hostname: "127.0.0.1", port: Number(port), onListen() {} };
if (server === "deno") Deno.serve(options, app.fetch);
else serveFetch(app.fetch, options);
