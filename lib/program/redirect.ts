// The second port of a server with TLS: everything there is redirected to https.

import type { Handler } from "../http/message.ts";
import { StatusError } from "../http/status.ts";

/** Redirects every request to the same URL with https. @param port That of the server with TLS. */
export function redirectToHttps(port: number): Handler {
  return ({ authority, path, query }) => {
    if (authority === null) throw new StatusError(400, "This server is reached by https.");
    const host = authority.replace(/:[0-9]*$/, "") + (port === 443 ? "" : `:${port}`);
    const place = path === "*" ? "/" : path;
    const target = `https://${host}${place}${query === null ? "" : `?${query}`}`;
    return { status: 308, fields: { "Location": target }, content: `${target}\n` };
  };
}
