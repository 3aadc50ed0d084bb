// A form that stores files in a folder: deno run --allow-net --allow-read --allow-write
// examples/upload_form.ts

import { router, serve } from "@wireserve/wireserve";
import { fileHandlers, fileRoutes } from "@wireserve/wireserve/files";

const PAGE = `<!DOCTYPE html><title>Upload</title>
<form method="post" action="/inbox/" enctype="multipart/form-data">
  <input type="file" name="file" multiple required>
  <button>Send</button>
</form>
<p><a href="/inbox/">What is there</a></p>`;

const folder = Deno.args[1] ?? Deno.makeTempDirSync({ prefix: "inbox-" });

// What has a name already is kept: the upload gets 409.
const inbox = fileHandlers(folder, { writable: true, replace: false });

const handler = router([
  {
    method: "GET",
    path: "/",
    handler: () => ({
      status: 200,
      fields: { "Content-Type": "text/html; charset=utf-8" },
      content: PAGE,
    }),
  },
  ...fileRoutes(inbox, "/inbox/"),
]);

const port = Number(Deno.args[0] ?? 8000);
serve(handler, {
  port,
  limits: { content: 100 << 20 },
  onListen: ({ url }) => console.log(`${url} (files go to ${folder})`),
});
