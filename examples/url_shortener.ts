// A URL shortener with a limit on the rate: deno run --allow-net examples/url_shortener.ts
//
// curl -d 'https://example.com/a/long/path' localhost:8000

import { collect, router, serve, StatusError } from "@wireserve/wireserve";
import { chain, rateLimit } from "@wireserve/wireserve/middleware";

const targets = new Map<string, string>();

function shorten(text: string): string {
  const url = URL.parse(text.trim());
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new StatusError(422, "Send a URL that begins with http:// or https://.");
  }
  const key = crypto.randomUUID().slice(0, 8);
  targets.set(key, url.href);
  return key;
}

const handler = router([
  {
    method: "POST",
    path: "/",
    limits: { content: 2000 },
    handler: chain(async ({ content, authority }) => {
      const key = shorten(new TextDecoder().decode(await collect(content, 2000)));
      const fields = { "Location": `/${key}` };
      return { status: 201, fields, content: `http://${authority}/${key}\n` };
    }, rateLimit({ requests: 10, period: 60_000 })),
  },
  {
    method: "GET",
    path: "/{key}",
    handler: ({ parameters }) => {
      const target = targets.get(parameters["key"]!);
      if (target === undefined) throw new StatusError(404, "There is no such link.");
      return { status: 302, fields: { "Location": target } };
    },
  },
]);

const port = Number(Deno.args[0] ?? 8000);
serve(handler, { port, onListen: ({ url }) => console.log(url) });
