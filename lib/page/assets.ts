// The style and the script of the pages: part of the program, compressed once, at paths that no file
// can have, which change with their content so that browsers keep them for ever.

import { createHash } from "node:crypto"; // synchronous: the paths are needed before a page is sent
import { encodeContent } from "../compression.ts";
import { RESERVED_NAME } from "../files/root.ts";
import type { Handler, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import changes from "./script/changes.js" with { type: "text" };
import elements from "./script/elements.js" with { type: "text" };
import list from "./script/list.js" with { type: "text" };
import main from "./script/main.js" with { type: "text" };
import previews from "./script/previews.js" with { type: "text" };
import theme from "./script/theme.js" with { type: "text" };
import uploads from "./script/uploads.js" with { type: "text" };
import style from "./style.css" with { type: "text" };

const STYLE = "text/css; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";

/** The modules of the script, which import each other by these names: the first one imports all. */
const SCRIPTS = {
  "main.js": main,
  "elements.js": elements,
  "list.js": list,
  "changes.js": changes,
  "uploads.js": uploads,
  "previews.js": previews,
  "theme.js": theme,
} as const;

/** Names all of them together: a module of one version imports no module of another. */
const VERSION = createHash("sha256")
  .update(JSON.stringify([style, SCRIPTS]))
  .digest("hex")
  .slice(0, 16);

const pathOf = (name: string) => `${RESERVED_NAME}/${VERSION}/${name}`;

/** The path of the style, below the base of the files. */
export const STYLE_PATH: string = pathOf("style.css");

/** The paths of the modules of the script, that of the page first. */
export const SCRIPT_PATHS: readonly string[] = Object.keys(SCRIPTS).map(pathOf);

const ASSETS: Readonly<Record<string, HttpResponse>> = {
  [STYLE_PATH]: asset(style, STYLE),
  ...Object.fromEntries(
    Object.entries(SCRIPTS).map(([name, content]) => [pathOf(name), asset(content, SCRIPT)]),
  ),
};

function asset(content: string, type: string): HttpResponse {
  const fields = Object.freeze({
    "Content-Type": type,
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
  });
  return Object.freeze({ status: 200, fields, content });
}

/** Each asset in each coding, from its first request on. */
const encoded = new Map<string, Promise<HttpResponse>>();

/** Sends the asset that the parameters `version` and `asset` of the route name. */
export const serveAsset: Handler = (request) => {
  const { version, asset } = request.parameters;
  const path = `${RESERVED_NAME}/${version}/${asset}`;
  const found = Object.hasOwn(ASSETS, path) ? ASSETS[path]! : null;
  if (found === null) throw new StatusError(404, "There is no such part of the page.");
  const key = `${path} ${request.fields.get("Accept-Encoding") ?? ""}`;
  if (encoded.size > 100) encoded.clear(); // What clients send is theirs to choose.
  let response = encoded.get(key);
  if (response === undefined) {
    response = Promise.resolve(encodeContent(request, found));
    encoded.set(key, response);
    response.catch(() => encoded.delete(key));
  }
  return response;
};
