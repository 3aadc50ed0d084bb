// The style and the script of the page: part of the program, compressed once, at paths that no file
// can have, which change with their content so that browsers keep them for ever.

import { createHash } from "node:crypto"; // synchronous: the paths are needed before a page is sent
import { encodeContent } from "../compression.ts";
import { RESERVED_NAME } from "../files/root.ts";
import type { Handler, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import script from "./script.js" with { type: "text" };
import style from "./style.css" with { type: "text" };

const TYPES = { css: "text/css; charset=utf-8", js: "text/javascript; charset=utf-8" } as const;

function pathOf(content: string, ending: keyof typeof TYPES): string {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
  return `${RESERVED_NAME}/${hash}.${ending}`;
}

/** The path of the style, below the base of the files. */
export const STYLE_PATH: string = pathOf(style, "css");

/** The path of the script. */
export const SCRIPT_PATH: string = pathOf(script, "js");

const ASSETS: Readonly<Record<string, HttpResponse>> = {
  [STYLE_PATH]: asset(style, TYPES.css),
  [SCRIPT_PATH]: asset(script, TYPES.js),
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

/** Sends the asset that the parameter `asset` of the route names. */
export const serveAsset: Handler = (request) => {
  const path = `${RESERVED_NAME}/${request.parameters["asset"]}`;
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
