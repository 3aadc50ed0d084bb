// A site from a folder: deno run --allow-net --allow-read examples/static_site.ts 8000 FOLDER

import { serve } from "@wireserve/wireserve";
import { serveDirectory } from "@wireserve/wireserve/files";
import { chain, type Middleware } from "@wireserve/wireserve/middleware";

/** Files are checked with the server each time: a 304 is all that it costs. */
const revalidated: Middleware = (next) => async (request) => {
  const response = await next(request);
  return { ...response, fields: { ...response.fields, "Cache-Control": "no-cache" } };
};

const site = serveDirectory(Deno.args[1] ?? ".");

const port = Number(Deno.args[0] ?? 8000);
serve(chain(site, revalidated), {
  port,
  onListen: ({ url }) => console.log(url),
  errorPage: ({ status, message }) => ({
    fields: { "Content-Type": "text/html; charset=utf-8" },
    content: `<!DOCTYPE html><title>${status}</title><h1>${message}</h1><a href="/">Home</a>`,
  }),
});
