// Every program of examples/, run as its first line says and used by a real client.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { Output } from "../support/program.ts";
import { withServer } from "../support/server.ts";
import { until } from "../support/wait.ts";

const EXAMPLES = new URL("../../examples/", import.meta.url).pathname;

/** Lines of the longest example. */
const MAX_LINES = 60;

type Use = (url: string, output: Output) => Promise<void>;

/** Starts an example on a port of its own, uses it, and ends it. */
async function withExample(name: string, args: readonly string[], use: Use): Promise<void> {
  const source = await Deno.readTextFile(`${EXAMPLES}${name}`);
  const flags = [...source.slice(0, 300).matchAll(/--allow-[a-z]+(?:=[\w,]+)?/g)].map(([flag]) =>
    flag
  );
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...new Set(flags), `${EXAMPLES}${name}`, "0", ...args],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = new Output(process.stdout);
  const errors = new Output(process.stderr);
  try {
    await output.until(/http:\S+/);
    await use(/http:\S+/.exec(output.text)![0], output);
  } finally {
    process.kill("SIGKILL");
    await Promise.all([process.status, output.done, errors.done]);
  }
  assertEquals(errors.text, "");
}

async function textOf(url: string, init?: RequestInit): Promise<[number, string]> {
  const response = await fetch(url, init);
  return [response.status, await response.text()];
}

const USES: Readonly<Record<string, { args?: readonly string[]; use: Use }>> = {
  "json_api.ts": {
    use: async (url) => {
      const headers = { "Content-Type": "application/json" };
      const post = (body: string) => textOf(`${url}notes`, { method: "POST", headers, body });
      assertEquals(await post('{"text":"Buy milk"}'), [201, '{"id":1,"text":"Buy milk"}']);
      assertEquals(await post('{"text":1}'), [422, "A note has a text.\n"]);
      assertEquals(await post("null"), [422, "A note has a text.\n"]);
      assertEquals((await post(`{"text":"${"a".repeat(10_000)}"}`))[0], 413);
      assertEquals(await textOf(`${url}notes?q=milk`), [200, '[{"id":1,"text":"Buy milk"}]']);
      assertEquals(await textOf(`${url}notes?q=beer`), [200, "[]"]);
      assertEquals((await textOf(`${url}notes/1`, { method: "DELETE" }))[0], 204);
      assertEquals((await textOf(`${url}notes/1`))[0], 404);
    },
  },
  "hono_app.ts": {
    use: async (url) => {
      assertEquals(await textOf(`${url}hello/ann`), [200, '{"hello":"ann"}']);
      const [status, source] = await textOf(`${url}sources/hono_app.ts`);
      assertEquals(status, 200);
      assertMatch(source, /A Hono app/);
      const response = await fetch(url);
      assertMatch(await response.text(), /The sources/);
      assertEquals(response.headers.get("X-Content-Type-Options"), "nosniff");
    },
  },
  "server_sent_events.ts": {
    use: async (url) => {
      assertMatch((await textOf(url))[1], /EventSource/);
      const { body } = await fetch(`${url}events`);
      const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (text.split("\n\n").length < 3) text += (await reader.read()).value;
      assertMatch(text, /^data: \d{4}-.*Z\n\ndata: \d{4}-.*Z\n\n/);
      await reader.cancel();
    },
  },
  "chat.ts": {
    use: async (url) => {
      assertMatch((await textOf(url))[1], /WebSocket/);
      const other = { headers: { "Origin": "http://evil.example" } };
      assertEquals((await textOf(`${url}chat`, other))[0], 403);
      const received: string[] = [];
      const sockets = await Promise.all(["ann", "bob"].map(async () => {
        const socket = new WebSocket(`${url.replace("http", "ws")}chat`);
        socket.onmessage = ({ data }) => received.push(data);
        await new Promise((resolve) => socket.onopen = resolve);
        return socket;
      }));
      sockets[0]!.send("Hello");
      await until(() => received.filter((text) => /: Hello$/.test(text)).length === 2);
      sockets[0]!.close();
      await until(() => received.some((text) => /has left$/.test(text)));
      sockets[1]!.close();
      await new Promise((resolve) => sockets[1]!.onclose = resolve);
    },
  },
  "upload_form.ts": {
    use: async (url, output) => {
      assertMatch((await textOf(url))[1], /multipart/);
      const folder = /files go to (\S+)\)/.exec(output.text)![1]!;
      try {
        const body = new FormData();
        body.append("file", new File(["one"], "one.txt"));
        body.append("file", new File(["two"], "../two.txt"));
        const [status] = await textOf(`${url}inbox/`, { method: "POST", body });
        assertEquals(status, 201);
        assertEquals(await Deno.readTextFile(`${folder}/one.txt`), "one");
        assertEquals(await Deno.readTextFile(`${folder}/two.txt`), "two");
        assertEquals((await textOf(`${url}inbox/`, { method: "POST", body }))[0], 409);
        assertEquals(await textOf(`${url}inbox/two.txt`), [200, "two"]);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  },
  "url_shortener.ts": {
    use: async (url) => {
      const post = (body: string) => textOf(url, { method: "POST", body });
      const [status, short] = await post("https://example.com/a?b");
      assertEquals(status, 201);
      const found = await fetch(short.trim(), { redirect: "manual" });
      await found.body?.cancel();
      assertEquals([found.status, found.headers.get("Location")], [302, "https://example.com/a?b"]);
      assertEquals((await post("javascript:alert(1)"))[0], 422);
      assertEquals((await textOf(`${url}nothing`))[0], 404);
      for (let count = 2; count < 10; count++) await post("https://example.com/");
      assertEquals((await post("https://example.com/"))[0], 429);
    },
  },
  "static_site.ts": {
    args: [EXAMPLES],
    use: async (url) => {
      const response = await fetch(`${url}chat.ts`);
      assertMatch(await response.text(), /A chat over WebSocket/);
      assertEquals(response.headers.get("Cache-Control"), "no-cache");
      const [status, page] = await textOf(`${url}nothing.html`);
      assertEquals(status, 404);
      assertMatch(page, /<h1>.*<\/h1>/);
    },
  },
};

for (const [name, { args = [], use }] of Object.entries(USES)) {
  testWith(FOR_PROGRAM, `examples/${name} does what it shows`, () => withExample(name, args, use));
}

testWith(FOR_PROGRAM, "examples/reverse_proxy.ts does what it shows", async () => {
  const seen: string[] = [];
  let isAborted = false;
  await withServer({
    handler: async ({ method, target, fields, content, signal }) => {
      seen.push([method, target, fields.get("X-Forwarded-For"), fields.get("X-Secret")].join(" "));
      if (target === "/wait") {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        isAborted = true;
      }
      const parts = [];
      for await (const piece of content) parts.push(piece.slice());
      return { status: 201, fields: { "X-A": "b" }, content: await new Blob(parts).bytes() };
    },
  }, async ({ server }) => {
    await withExample("reverse_proxy.ts", [server.url], async (url) => {
      const body = "0123456789".repeat(100_000);
      const headers = { "X-Secret": "x", "Connection": "X-Secret" };
      const response = await fetch(`${url}a?b`, { method: "POST", headers, body });
      assertEquals([response.status, response.headers.get("X-A")], [201, "b"]);
      assertEquals(await response.text(), body);
      assertMatch(seen[0]!, /^POST \/a\?b (?:127\.0\.0\.1|::1) /);
      const controller = new AbortController();
      const waiting = fetch(`${url}wait`, { signal: controller.signal }).catch(() => {});
      await until(() => seen.length === 2);
      controller.abort();
      await waiting;
      await until(() => isAborted);
      await server.close();
      const { signal } = new AbortController();
      assertEquals((await textOf(url, { signal }))[0], 502);
    }).catch((error) => {
      // The proxy reports on stderr that the upstream server is gone.
      if (!/does not answer|Connection refused|error sending/.test(String(error))) throw error;
    });
  });
});

testWith(["read"], "each example is short, stands in the table, and has a test", async () => {
  const table = await Deno.readTextFile(`${EXAMPLES}README.md`);
  for await (const { name } of Deno.readDir(EXAMPLES)) {
    if (!name.endsWith(".ts")) continue;
    const source = await Deno.readTextFile(`${EXAMPLES}${name}`);
    assert(source.split("\n").length <= MAX_LINES, `${name} is long`);
    assert(table.includes(`[${name}](${name})`), `${name} is not in the table`);
    const isTested = name in USES || name === "reverse_proxy.ts" || name.endsWith("_test.ts");
    assert(isTested, `${name} has no test`);
  }
});
