// Requests as text. In a path or a field value, `{n}` stands for the number of the request,
// `{n/D%M}` for a part of it, and an `x` before the brace for eight hexadecimal digits.

import type { RowRequest } from "./row.ts";

const PLACEHOLDER = /\{n(?:\/([0-9]+))?(?:%([0-9]+))?(x?)\}/g;

/** A template with the number of a request. */
export function expand(template: string, n: number): string {
  return template.replaceAll(PLACEHOLDER, (_, divisor = 1, modulus = Infinity, hex) => {
    const value = Math.floor(n / Number(divisor)) % Number(modulus);
    return hex === "x" ? value.toString(16).padStart(8, "0") : `${value}`;
  });
}

/** Whether requests differ by their numbers. */
export function isVaried(request: RowRequest): boolean {
  return [request.path, ...Object.values(request.fields)].some((each) => expand(each, 0) !== each);
}

/** The template of a request's head. */
export function headTemplate(
  { method, path, fields, upload }: RowRequest,
  port: number,
): string {
  const all = { Host: `127.0.0.1:${port}`, ...fields };
  const length = upload > 0 ? { "Content-Length": `${upload}` } : {};
  const lines = Object.entries({ ...all, ...length }).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}

export function headOf(request: RowRequest, port: number, n = 0): string {
  return expand(headTemplate(request, port), n);
}

/** A template as an expression of Lua, in which `n` is the number of the request. */
export function luaOf(template: string): string {
  const parts: string[] = [];
  let end = 0;
  for (
    const { 0: text, 1: divisor = "1", 2: modulus, 3: hex, index } of template.matchAll(PLACEHOLDER)
  ) {
    const value = `math.floor(n / ${divisor})${modulus === undefined ? "" : ` % ${modulus}`}`;
    parts.push(JSON.stringify(template.slice(end, index)));
    parts.push(hex === "x" ? `string.format("%08x", ${value})` : `(${value})`);
    end = index + text.length;
  }
  return [...parts, JSON.stringify(template.slice(end))].join(" .. ");
}

/**
 * The Lua script that makes wrk send the requests of a row, and print the result as JSON.
 *
 * @param first The number of the first request.
 */
export function wrkScript(request: RowRequest, port: number, first: number): string {
  return `${scriptOf(request, port, first)}
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'result {"requests":%d,"bytes":%d,"duration":%d,' ..
    '"p50":%d,"p99":%d,"p999":%d,"max":%d,' ..
    '"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\\n',
    summary.requests, summary.bytes, summary.duration,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
`;
}

function scriptOf(request: RowRequest, port: number, first: number): string {
  const { method, path, fields, upload, pipelined } = request;
  if (upload === 0 && pipelined === 1 && !isVaried(request)) {
    // Without a function of its own, wrk composes the request only once.
    const lines = Object.entries(fields).map(([name, value]) =>
      `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`
    );
    return [`wrk.method = "${method}"`, `wrk.path = ${JSON.stringify(path)}`, ...lines].join("\n");
  }
  const head = luaOf(headTemplate(request, port));
  if (pipelined > 1) {
    return `local n = ${first}
local requests = string.rep(${head}, ${pipelined})
request = function() return requests end`;
  }
  return `local n = ${first - 1}
local content = string.rep("x", ${upload})
request = function()
  n = n + 1
  return ${head} .. content
end`;
}
