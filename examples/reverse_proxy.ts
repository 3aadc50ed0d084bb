// A reverse proxy that streams both ways: deno run --allow-net examples/reverse_proxy.ts 8000
// http://localhost:9000

import { serveFetch } from "@wireserve/wireserve/fetch";

const upstream = new URL(Deno.args[1] ?? "http://localhost:9000");

/** Fields that are for one connection only (RFC 9110 section 7.6.1). */
function endToEnd(headers: Headers): Headers {
  const kept = new Headers(headers);
  const named = (headers.get("Connection") ?? "").split(",").map((name) => name.trim());
  const always = ["Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer"];
  for (const name of [...named, ...always, "Transfer-Encoding", "Upgrade"]) {
    if (/^[!#$%&'*+.^`|~\w-]+$/.test(name)) kept.delete(name);
  }
  return kept;
}

const port = Number(Deno.args[0] ?? 8000);
serveFetch(async (request, { client }) => {
  const { pathname, search, host, protocol } = new URL(request.url);
  const headers = endToEnd(request.headers);
  headers.delete("Host"); // That of the upstream server is sent.
  headers.set("X-Forwarded-For", client);
  headers.set("X-Forwarded-Host", host);
  headers.set("X-Forwarded-Proto", protocol.slice(0, -1));
  try {
    const response = await fetch(new URL(pathname + search, upstream), {
      method: request.method,
      headers,
      body: request.body,
      signal: request.signal, // A client that leaves ends the request upstream.
      redirect: "manual",
    });
    const fields = endToEnd(response.headers);
    // fetch() has decompressed the content: its length is another one.
    if (fields.has("Content-Encoding")) fields.delete("Content-Length");
    fields.delete("Content-Encoding");
    return new Response(response.body, { status: response.status, headers: fields });
  } catch (error) {
    if (request.signal.aborted) throw error;
    console.error(`${upstream}:`, error);
    return new Response("The upstream server does not answer.\n", { status: 502 });
  }
}, { port, onListen: ({ url }) => console.log(url) });
