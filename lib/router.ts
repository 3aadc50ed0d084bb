// Which handler answers a request: a table of routes, matched by method and path. HEAD is
// answered by GET's handler, OPTIONS by the router itself (RFC 9110 sections 9.3 and 15.5.6).

import { type Handler, type HttpRequest, type HttpResponse, METHODS } from "./http/message.ts";

import { StatusError } from "./http/status.ts";
import { isToken } from "./http/syntax.ts";
import { decodePath, normalizePath } from "./http/target.ts";

/** One row of the table. */
export interface Route {
  /** The method, `GET` for instance; a GET route answers HEAD as well. */
  readonly method: string;
  /**
   * The pattern of the path: text as it stands in a URL, escaped where it must be, in which
   * `{name}` stands for one segment and, at the end, `{name...}` for all that remains, slashes
   * included, be it empty.
   */
  readonly path: string;
  /** What answers. It finds the pattern's parameters, percent-decoded, in the request. */
  readonly handler: Handler;
}

/** The values of a pattern's parameters as they stand in a path, or null where it does not match. */
type Matcher = (path: string) => readonly string[] | null;

/** All that one path pattern answers. */
interface Resource {
  readonly path: string;
  readonly match: Matcher;
  readonly names: readonly string[];
  readonly handlers: Map<string, Handler>;
}

/**
 * Makes one handler of a table of routes. Where several patterns match a path, the first counts.
 *
 * The handler throws a StatusError: 404 where no pattern matches, 405 with `Allow` where the
 * path does but the method does not, 501 for a method that nobody knows.
 *
 * @throws {TypeError} where a route's method or pattern is malformed, or stands there twice.
 */
export function router(routes: readonly Route[]): Handler {
  const resources = groupByPath(routes);
  const known = new Set<string>([...METHODS, ...routes.map(({ method }) => method)]);
  const allowed = allow(
    resources.flatMap(({ handlers }) => [...handlers.keys()]),
  );
  return (request) => {
    if (!known.has(request.method)) {
      throw new StatusError(501, "This server does not know the method.");
    }
    if (request.path === "*") {
      return { status: 204, fields: { "Allow": allowed } };
    }
    const path = normalizePath(request.path);
    for (const resource of resources) {
      const values = resource.match(path);
      if (values !== null) return answer(resource, values, request);
    }
    throw new StatusError(404, "There is nothing at this path.");
  };
}

function answer(
  resource: Resource,
  values: readonly string[],
  request: HttpRequest,
): HttpResponse | Promise<HttpResponse> {
  const { handlers, names } = resource;
  const handler = handlers.get(request.method) ??
    (request.method === "HEAD" ? handlers.get("GET") : undefined);
  if (handler === undefined) {
    const fields = { "Allow": allow(handlers.keys()) };
    if (request.method === "OPTIONS") return { status: 204, fields };
    throw new StatusError(405, "This path does not take the method.", fields);
  }
  if (names.length === 0) return handler(request);
  const parameters: Record<string, string> = {};
  for (let index = 0; index < names.length; index++) {
    parameters[names[index]!] = decodePath(values[index]!);
  }
  request.parameters = parameters;
  return handler(request);
}

/** The value of Allow for the methods that have handlers. */
function allow(methods: Iterable<string>): string {
  const answered = [...methods].flatMap((each) => each === "GET" ? ["GET", "HEAD"] : [each]);
  return [...new Set([...answered, "OPTIONS"])].join(", ");
}

function groupByPath(routes: readonly Route[]): Resource[] {
  const resources = new Map<string, Resource>();
  for (const { method, path, handler } of routes) {
    const resource = resources.get(path) ?? compile(path);
    if (!isToken(method)) {
      throw new TypeError(`The method ${method} of the route ${path} is malformed`);
    }
    if (resource.handlers.has(method)) {
      throw new TypeError(`The route ${method} ${path} stands there twice`);
    }
    resource.handlers.set(method, handler);
    resources.set(path, resource);
  }
  return [...resources.values()];
}

/** Text of a path: visible ASCII without what ends a path, and without braces. */
const LITERAL = /^\/(?:[!$&-;=@-Z_a-z~]|%[0-9A-F]{2})*$/;

const PARAMETER = /\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}/g;

function compile(path: string): Resource {
  const names: string[] = [];
  let source = "";
  let end = 0;
  for (const parameter of path.matchAll(PARAMETER)) {
    const [whole, name, rest] = parameter;
    source += RegExp.escape(path.slice(end, parameter.index)) +
      (rest ? "(.*)" : "([^/]+)");
    end = parameter.index + whole.length;
    names.push(name!);
    if (rest && end !== path.length) {
      throw new TypeError(`In ${path}, {${name}...} is not last`);
    }
  }
  const tail = path.slice(end);
  const isSound = new Set(names).size === names.length && !names.includes("__proto__");
  if (!isSound || !LITERAL.test(path.replace(PARAMETER, ""))) {
    throw new TypeError(`The path pattern ${path} is malformed`);
  }
  const pattern = new RegExp(`^${source}${RegExp.escape(tail)}$`);
  return { path, match: matcherOf(path, pattern), names, handlers: new Map() };
}

const NO_VALUES: readonly string[] = [];

/** Most patterns are told without a regular expression, of which each attempt costs 0.1 us. */
function matcherOf(path: string, pattern: RegExp): Matcher {
  const start = path.indexOf("{");
  if (start < 0) return (asked) => asked === path ? NO_VALUES : null;
  const prefix = path.slice(0, start);
  const isRest = path.indexOf("}") === path.length - 1 && path.endsWith("...}");
  if (isRest) return (asked) => asked.startsWith(prefix) ? [asked.slice(start)] : null;
  return (asked) => asked.startsWith(prefix) ? pattern.exec(asked)?.slice(1) ?? null : null;
}
