// The same routes on Deno.serve, as its users write them.
// Arguments: the port, the directory, and how files are read: "readable" or "whole".

const [port, directory, reading] = Deno.args;
const TEXT = { "content-type": "text/plain" };
const BYTES = { "content-type": "application/octet-stream" };

Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {} }, (request) => {
  const path = request.url.slice(request.url.indexOf("/", "http://".length));
  if (path === "/") return new Response(null);
  if (path.startsWith("/echo/")) return echo(request, decodeURIComponent(path.slice(6)));
  if (path === "/user-agent") return text(request.headers.get("user-agent"));
  if (path.startsWith("/files/")) return file(request, `${directory}/${path.slice(7)}`);
  return new Response(null, { status: 404 });
});

function text(content: string | null): Response {
  return new Response(content, { status: content === null ? 404 : 200, headers: TEXT });
}

function echo(request: Request, content: string): Response {
  if (!request.headers.get("accept-encoding")?.includes("gzip")) return text(content);
  const coded = new Response(content).body!.pipeThrough(new CompressionStream("gzip"));
  return new Response(coded, {
    headers: { ...TEXT, "content-encoding": "gzip", "vary": "accept-encoding" },
  });
}

async function file(request: Request, path: string): Promise<Response> {
  if (request.method !== "GET") return await store(request, path);
  try {
    if (reading === "whole") return new Response(await Deno.readFile(path), { headers: BYTES });
    const opened = await Deno.open(path);
    const { size } = await opened.stat();
    return new Response(opened.readable, {
      headers: { ...BYTES, "content-length": String(size) },
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return new Response(null, { status: 404 });
  }
}

/** As durable as Wireserve's: the content is on the disk before it has its name. */
async function store(request: Request, path: string): Promise<Response> {
  const temporary = `${path}.${crypto.randomUUID()}`;
  const opened = await Deno.open(temporary, { write: true, createNew: true });
  try {
    await request.body?.pipeTo(opened.writable, { preventClose: true, preventAbort: true });
    await opened.sync();
  } catch {
    await Deno.remove(temporary);
    return new Response(null, { status: 400 });
  } finally {
    opened.close();
  }
  await Deno.rename(temporary, path);
  return new Response(null, { status: 201 });
}
