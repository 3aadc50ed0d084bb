// The same routes on Deno.serve, as its users write them. Arguments: the port, the directory, how
// files are read, "readable" or "whole", and for TLS the paths of a certificate and its key.

const [port, directory, reading, cert, key] = Deno.args;

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  png: "image/png",
};
const TEXT = { "content-type": "text/plain" };

const tls = cert === undefined || key === undefined
  ? {}
  : { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) };

Deno.serve({ hostname: "127.0.0.1", port: Number(port), onListen() {}, ...tls }, (request) => {
  const path = request.url.slice(request.url.indexOf("/", "https://".length));
  if (path === "/") return new Response(null);
  if (path.startsWith("/echo/")) return echo(request, decodeURIComponent(path.slice(6)));
  if (path === "/user-agent") return text(request.headers.get("user-agent"));
  if (!path.startsWith("/files/")) return new Response(null, { status: 404 });
  const name = `${directory}/${path.slice(7)}`;
  if (request.method !== "GET") return store(request, name);
  return name.endsWith("/") ? list(name) : file(request, name);
});

function text(content: string | null): Response {
  return new Response(content, { status: content === null ? 404 : 200, headers: TEXT });
}

function echo(request: Request, content: string): Response {
  if (!request.headers.has("accept-encoding")) return text(content);
  return compress(request, new Response(content).body!, TEXT);
}

/** A response in the coding that the client takes: brotli, else gzip, else as it is. */
function compress(
  request: Request,
  content: ReadableStream<Uint8Array<ArrayBuffer>>,
  headers: Record<string, string>,
): Response {
  const accepted = request.headers.get("accept-encoding") ?? "";
  const coding = accepted.includes("br") ? "br" : accepted.includes("gzip") ? "gzip" : null;
  if (coding === null) return new Response(content, { headers });
  const stream = new CompressionStream(coding === "br" ? "brotli" : "gzip");
  return new Response(content.pipeThrough(stream), {
    headers: { ...headers, "content-encoding": coding, "vary": "accept-encoding" },
  });
}

async function file(request: Request, path: string): Promise<Response> {
  const type = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  try {
    const { size, mtime } = await Deno.stat(path);
    const etag = `W/"${size.toString(16)}-${mtime?.getTime().toString(16)}"`;
    const headers = { "content-type": type, etag };
    if (request.headers.get("if-none-match") === etag) {
      return new Response(null, { status: 304, headers });
    }
    const content = reading === "whole"
      ? await Deno.readFile(path)
      : (await Deno.open(path)).readable;
    if (type.startsWith("text/") && request.headers.has("accept-encoding")) {
      return compress(request, new Response(content).body!, headers);
    }
    return new Response(content, { headers: { ...headers, "content-length": `${size}` } });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return new Response(null, { status: 404 });
  }
}

async function list(path: string): Promise<Response> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(path)) names.push(name);
  const rows = await Promise.all(
    names.sort().map(async (name) => {
      const { size, mtime } = await Deno.stat(`${path}${name}`);
      return `<tr><td><a href="${encodeURIComponent(name)}">${name}</a></td>` +
        `<td>${size}</td><td>${mtime?.toISOString()}</td></tr>`;
    }),
  );
  const page = `<!DOCTYPE html>\n<title>Index</title>\n<table>\n${rows.join("\n")}\n</table>\n`;
  return new Response(page, { headers: { "content-type": TYPES["html"]! } });
}

/** As durable as Wireserve's: content and name are on the disk before the response. */
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
  using folder = await Deno.open(path.slice(0, path.lastIndexOf("/")));
  await folder.sync();
  return new Response(null, { status: 201 });
}
