// A JSON API: deno run --allow-net examples/json_api.ts
//
// curl -d '{"text":"Buy milk"}' -H 'Content-Type: application/json' localhost:8000/notes

import { json, readJson, router, serve, StatusError } from "@wireserve/wireserve";

const notes = new Map<number, string>();
let lastId = 0;

function find(id: string): number {
  if (!notes.has(Number(id))) throw new StatusError(404, "There is no such note.");
  return Number(id);
}

const handler = router([
  {
    method: "GET",
    path: "/notes",
    handler: ({ query }) => {
      const wanted = new URLSearchParams(query ?? "").get("q") ?? "";
      return json([...notes].flatMap(([id, text]) => text.includes(wanted) ? [{ id, text }] : []));
    },
  },
  {
    method: "POST",
    path: "/notes",
    limits: { content: 10_000 },
    handler: async (request) => {
      const note = await readJson(request) as { text?: unknown } | null;
      if (typeof note?.text !== "string") throw new StatusError(422, "A note has a text.");
      notes.set(++lastId, note.text);
      const fields = { "Location": `/notes/${lastId}` };
      return json({ id: lastId, text: note.text }, { status: 201, fields });
    },
  },
  {
    method: "GET",
    path: "/notes/{id}",
    handler: ({ parameters }) => {
      const id = find(parameters["id"]!);
      return json({ id, text: notes.get(id) });
    },
  },
  {
    method: "DELETE",
    path: "/notes/{id}",
    handler: ({ parameters }) => {
      notes.delete(find(parameters["id"]!));
      return { status: 204 };
    },
  },
]);

const port = Number(Deno.args[0] ?? 8000);
serve(handler, { port, onListen: ({ url }) => console.log(url) });
