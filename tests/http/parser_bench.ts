// The time that the parser takes for one request without content: `deno task microbench`. The
// repeated heads are what a load generator sends, the varied ones what browsers and proxies send.

import { RequestParser } from "../../lib/http/parser.ts";
import { fromLatin1 } from "../support/raw_client.ts";

/** Heads in each varied series: more than a cache of a few heads could keep. */
const SERIES = 256;

const CURL = ["Host: localhost:4221", "User-Agent: curl/8.5.0", "Accept: */*"];

const BROWSER = [
  "Host: files.example.com",
  "Connection: keep-alive",
  'sec-ch-ua: "Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"',
  "sec-ch-ua-mobile: ?0",
  'sec-ch-ua-platform: "Linux"',
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
  "Chrome/124.0.0.0 Safari/537.36",
  "Accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
  "Sec-Fetch-Site: same-origin",
  "Sec-Fetch-Mode: no-cors",
  "Referer: https://files.example.com/",
  "Accept-Encoding: gzip, deflate, br, zstd",
  "Accept-Language: en-GB,en;q=0.9",
];

const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, "0");

/** What differs from request to request behind a proxy. */
const proxied = (index: number): string[] => [
  `X-Forwarded-For: 203.0.113.${index % 256}`,
  `traceparent: 00-${hex(index * 7919, 32)}-${hex(index * 104729, 16)}-01`,
  `Cookie: session=${hex(index * 15485863, 24)}; theme=dark`,
];

function head(path: string, lines: readonly string[]): Uint8Array {
  return fromLatin1(`GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
}

const series = (make: (index: number) => Uint8Array): Uint8Array[] =>
  Array.from({ length: SERIES }, (_, index) => make(index));

const CASES: Record<string, readonly Uint8Array[]> = {
  "curl, repeated": [head("/echo/abc", CURL)],
  "curl, another path each time": series((index) => head(`/echo/${hex(index, 3)}`, CURL)),
  "browser, 12 fields, repeated": [head("/assets/app.css", BROWSER)],
  "browser, 12 fields, another path each time": series((index) =>
    head(`/assets/${hex(index * 7919, 6)}.css`, BROWSER)
  ),
  "browser, one value in Latin-1": [head("/assets/app.css", [...BROWSER, "X-Name: caf\xe9"])],
  "browser behind a proxy, path and 3 fields differ": series((index) =>
    head(`/assets/${hex(index * 7919, 6)}.css`, [...BROWSER, ...proxied(index)])
  ),
};

for (const [name, heads] of Object.entries(CASES)) {
  const parser = new RequestParser();
  let index = 0;
  Deno.bench(name, { group: "RequestParser" }, () => {
    parser.push(heads[index++ % heads.length]!);
    if (parser.next()?.type !== "head" || parser.next()?.type !== "end") {
      throw new Error("The head was not parsed");
    }
  });
}
