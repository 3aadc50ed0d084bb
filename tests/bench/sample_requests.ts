// The requests that rows are made of.

import type { RowRequest } from "./row.ts";

export const GET: RowRequest = { method: "GET", path: "/", fields: {}, upload: 0, pipelined: 1 };
export const ECHO: RowRequest = { ...GET, path: "/echo/abc" };

export const AGENT: string = "wrk/4.1.0";
export const CHROMIUM: string =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/131.0.0.0 Safari/537.36";

/** What differs from request to request behind a proxy; seven fields with Host. */
export const VARIED: RowRequest = {
  ...GET,
  path: "/echo/abc-{n}",
  fields: {
    "User-Agent": CHROMIUM,
    "Accept": "*/*",
    "Accept-Language": "en-GB,en;q=0.9",
    "X-Forwarded-For": "10.{n/62500%250}.{n/250%250}.{n%250}",
    "Traceparent": "00-4bf92f3577b34da6a3ce929d{nx}-00f067aa{nx}-01",
    "Cookie": "theme=dark; session=8f14e45fceea167a5a36dedd{nx}",
  },
};

/**
 * What Chromium sends when it navigates, beside Host. Accept-Encoding is left out, so that all
 * servers do the same work: compression has rows of its own.
 */
export const BROWSER: Readonly<Record<string, string>> = {
  "Connection": "keep-alive",
  "sec-ch-ua": '"Chromium";v="131", "Not_A Brand";v="24"',
  "sec-ch-ua-mobile": "?0",
  "sec-ch-ua-platform": '"Linux"',
  "Upgrade-Insecure-Requests": "1",
  "User-Agent": CHROMIUM,
  "Accept":
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
  "Sec-Fetch-Site": "none",
  "Sec-Fetch-Mode": "navigate",
  "Sec-Fetch-Dest": "document",
  "Accept-Language": "en-GB,en;q=0.9",
};
