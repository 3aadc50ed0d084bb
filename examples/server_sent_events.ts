// The time, sent each second (Server-Sent Events): deno run --allow-net examples/server_sent_events.ts

import { serveFetch } from "@wireserve/wireserve/fetch";

const PAGE = `<!DOCTYPE html><title>Clock</title><p>The server's time: <time></time>
<script>
const events = new EventSource("/events");
events.onmessage = ({ data }) => document.querySelector("time").textContent = data;
</script>`;

function events(signal: AbortSignal): Response {
  const text = new TextEncoder();
  const stream = new ReadableStream({
    start(controller) {
      const send = () => controller.enqueue(text.encode(`data: ${new Date().toISOString()}\n\n`));
      send();
      const timer = setInterval(send, 1000);
      // The client has left, or the server is closing.
      signal.addEventListener("abort", () => clearInterval(timer));
    },
  });
  const headers = { "Content-Type": "text/event-stream", "Cache-Control": "no-store" };
  return new Response(stream, { headers });
}

const port = Number(Deno.args[0] ?? 8000);
serveFetch((request) => {
  if (new URL(request.url).pathname === "/events") return events(request.signal);
  return new Response(PAGE, { headers: { "Content-Type": "text/html; charset=utf-8" } });
}, { port, onListen: ({ url }) => console.log(url) });
