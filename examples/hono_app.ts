// A Hono app that mounts a folder: deno run --allow-net --allow-read examples/hono_app.ts

import { Hono } from "npm:hono@4.13.19";
import { secureHeaders } from "npm:hono@4.13.19/secure-headers";
import { serveFetch, webHandler } from "@wireserve/wireserve/fetch";
import { serveDirectory } from "@wireserve/wireserve/files";

const sources = webHandler(serveDirectory(import.meta.dirname!, { base: "/sources/" }));

const app = new Hono();
app.use(secureHeaders());
app.get("/", (context) => context.html('<h1>Hono</h1><a href="/sources/">The sources</a>'));
app.get("/hello/:name", (context) => context.json({ hello: context.req.param("name") }));
app.get("/sources/*", (context) => sources(context.req.raw));

const port = Number(Deno.args[0] ?? 8000);
serveFetch(app.fetch, { port, onListen: ({ url }) => console.log(url) });
