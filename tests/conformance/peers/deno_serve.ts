// A server on Deno.serve that reads all content. Argument: the port.

Deno.serve(
  { hostname: "127.0.0.1", port: Number(Deno.args[0]), onListen() {} },
  async (request) => {
    if (!["GET", "HEAD", "POST", "OPTIONS"].includes(request.method)) {
      return new Response(null, { status: 501 });
    }
    try {
      const content = await request.bytes();
      return new Response(`${request.method} ${content.length}\n`);
    } catch {
      return new Response(null, { status: 400 }); // The content was cut, or malformed.
    }
  },
);
