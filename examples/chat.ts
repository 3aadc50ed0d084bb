// A chat over WebSocket: deno run --allow-net --allow-env=WS_NO_BUFFER_UTIL,WS_NO_UTF_8_VALIDATE
// examples/chat.ts (ws looks at these two variables)

import { serveFetch } from "@wireserve/wireserve/fetch";
import { upgradeWebSocket } from "@wireserve/wireserve/websocket";

const PAGE = `<!DOCTYPE html><title>Chat</title><ul></ul><form><input autofocus></form>
<script>
const socket = new WebSocket("/chat");
socket.onmessage = ({ data }) => {
  document.querySelector("ul").appendChild(document.createElement("li")).textContent = data;
};
document.forms[0].onsubmit = (event) => {
  event.preventDefault();
  socket.send(document.querySelector("input").value);
  event.target.reset();
};
</script>`;

const sockets = new Set<WebSocket>();

function tellAll(text: string): void {
  for (const socket of sockets) socket.send(text);
}

const port = Number(Deno.args[0] ?? 8000);
serveFetch((request, { client, id }) => {
  const { pathname, origin } = new URL(request.url);
  if (pathname !== "/chat") {
    return new Response(PAGE, { headers: { "Content-Type": "text/html; charset=utf-8" } });
  }
  // Pages of other sites can open WebSockets, too.
  const asking = request.headers.get("Origin");
  if (asking !== null && asking !== origin) return new Response("No.\n", { status: 403 });
  const { socket, response } = upgradeWebSocket(request, { maxMessage: 1000 });
  const name = `${client}#${id}`;
  socket.onopen = () => {
    sockets.add(socket);
    tellAll(`${name} is here`);
  };
  socket.onmessage = ({ data }) => tellAll(`${name}: ${data}`);
  socket.onclose = () => {
    sockets.delete(socket);
    tellAll(`${name} has left`);
  };
  return response;
}, { port, onListen: ({ url }) => console.log(url) });
