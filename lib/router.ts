// Dispatches requests by a table of routes. HEAD is answered by the handler of GET, OPTIONS by the
// router itself (RFC 9110 sections 9.3 and 15.5.6).

import { limited } from "./http/content.ts";
import { type Handler, type HttpRequest, type HttpResponse, METHODS } from "./http/message.ts";
import { contentTooLarge, StatusError } from "./http/status.ts";
import { isToken } from "./http/syntax.ts";
import { decodePath, normalizePath } from "./http/target.ts";

/**
 * One row of the table.
 *
 * @example
 * ```ts
 * import { type Route, router, serve } from "@wireserve/wireserve";
 *
 * const ROUTES: readonly Route[] = [
 *   { method: "GET", path: "/", handler: () => ({ status: 200, content: "home" }) },
 * ];
 * await using server = serve(router(ROUTES), { port: 0 });
 * console.log(await (await fetch(server.url)).text()); // home
 * ```
 */
export interface Route {
  /** The method, `GET` for instance; a GET route answers HEAD as well. */
  readonly method: string;
  /**
   * The pattern of the path, escaped as in a URL. `{name}` matches one segment. `{name...}`, at the
   * end, matches the rest with its slashes, also an empty one.
   */
  readonly path: string;
  /**
   * Answers the request, which has the percent-decoded parameters of the pattern. Null turns the
   * method off: it is answered with 405, and `Allow` does not list it.
   */
  readonly handler: Handler | null;
  /** The sentence of that 405, for instance which setting turns the method on. */
  readonly hint?: string | undefined;
  /** Limits of this route, below those of the server, which count as well. */
  readonly limits?: RouteLimits | undefined;
}

/**
 * Limits of one route.
 *
 * @example
 * ```ts
 * import { readJson, type RouteLimits, router, serve } from "@wireserve/wireserve";
 *
 * const limits: RouteLimits = { content: 10 };
 * const handler = async (request: Parameters<typeof readJson>[0]) => {
 *   await readJson(request);
 *   return { status: 204 };
 * };
 * await using server = serve(router([{ method: "POST", path: "/", limits, handler }]), { port: 0 });
 * const body = JSON.stringify({ text: "too long" });
 * const headers = { "Content-Type": "application/json" };
 * const response = await fetch(server.url, { method: "POST", body, headers });
 * console.log(response.status, await response.text()); // 413
 * ```
 */
export interface RouteLimits {
  /** Bytes of content, else 413, before `100 Continue` where the length is known. 0: none at all. */
  readonly content?: number | undefined;
}

/** All routes with one pattern. */
interface Resource {
  /** What every path of the pattern begins with: most patterns are ruled out by it. */
  readonly prefix: string;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly routes: Map<string, Route>;
}

/**
 * A handler that dispatches by a table of routes. The first pattern that matches the path counts.
 *
 * It throws a StatusError: 404 if no pattern matches, 405 with `Allow` if the path has no handler
 * for the method, 501 for an unknown method.
 *
 * @throws {TypeError} if a route's method or pattern is malformed, written as for another router, or
 * defined twice.
 * @throws {RangeError} for a limit that is no number of bytes.
 *
 * @example
 * ```ts
 * import { router, webHandler } from "@wireserve/wireserve";
 *
 * const handler = webHandler(router([{
 *   method: "GET",
 *   path: "/users/{id}",
 *   handler: ({ parameters }) => ({ status: 200, content: `${parameters["id"]}` }),
 * }]));
 * console.log(await (await handler(new Request("http://localhost/users/7"))).text()); // 7
 * ```
 */
export function router(routes: readonly Route[]): Handler {
  const resources = groupByPath(routes);
  const known = new Set<string>([...METHODS, ...routes.map(({ method }) => method)]);
  const allowed = allowedMethods(routes).join(", ");
  return (request) => {
    if (!known.has(request.method)) {
      throw new StatusError(501, "This server does not know the method.");
    }
    if (request.path === "*") {
      return { status: 204, fields: { "Allow": allowed } };
    }
    const path = normalizePath(request.path);
    for (const resource of resources) {
      const match = path.startsWith(resource.prefix) ? resource.pattern.exec(path) : null;
      if (match !== null) return answer(resource, match, request);
    }
    throw new StatusError(404, "There is nothing at this path.");
  };
}

function answer(
  resource: Resource,
  match: RegExpExecArray,
  request: HttpRequest,
): HttpResponse | Promise<HttpResponse> {
  const { routes, names } = resource;
  const route = routes.get(request.method) ??
    (request.method === "HEAD" ? routes.get("GET") : undefined);
  const handler = route?.handler ?? null;
  if (handler === null) return answerWithoutHandler(resource, request.method);
  if (route!.limits?.content !== undefined) limitContent(request, route!.limits.content);
  if (names.length === 0) return handler(request);
  const parameters: Record<string, string> = {};
  for (let index = 0; index < names.length; index++) {
    parameters[names[index]!] = decodePath(match[index + 1]!);
  }
  request.parameters = parameters;
  return handler(request);
}

/** @throws {StatusError} 413 where the content is known to be longer. */
function limitContent(request: HttpRequest, limit: number): void {
  const { framing } = request;
  if (framing.type === "length" && framing.length > limit) throw contentTooLarge();
  if (framing.type === "chunked") request.content = limited(request.content, limit);
}

/** Answers OPTIONS. Every other method is 405, with a hint or the methods that are allowed. */
function answerWithoutHandler({ routes }: Resource, method: string): HttpResponse {
  const allowed = allowedMethods(routes.values());
  const fields = { "Allow": allowed.join(", ") };
  if (method === "OPTIONS") return { status: 204, fields };
  const hint = routes.get(method)?.hint ?? `This path allows ${enumerate(allowed)} only.`;
  throw new StatusError(405, hint, fields);
}

/** `A, B and C`. The first Intl.ListFormat of a process takes 10 ms. */
function enumerate(words: readonly string[]): string {
  return words.join(", ").replace(/, ([^,]*)$/, " and $1");
}

function allowedMethods(routes: Iterable<Route>): string[] {
  const methods = [...routes].filter(({ handler }) => handler !== null)
    .flatMap(({ method }) => method === "GET" ? ["GET", "HEAD"] : [method]);
  return [...new Set([...methods, "OPTIONS"])];
}

function groupByPath(routes: readonly Route[]): Resource[] {
  const resources = new Map<string, Resource>();
  for (const route of routes) {
    const { method, path } = route;
    checkRoute(route);
    const resource = resources.get(path) ?? compile(path);
    if (resource.routes.has(method)) {
      throw new TypeError(`The route ${method} ${path} is defined twice`);
    }
    resource.routes.set(method, route);
    resources.set(path, resource);
  }
  return [...resources.values()];
}

/** @throws {TypeError} or {RangeError} for what can never match as it is meant. */
function checkRoute({ method, path, limits }: Route): void {
  if (!isToken(method)) {
    throw new TypeError(`The method ${method} of the route ${path} is malformed`);
  }
  if (/^[a-z]+$/.test(method)) {
    const meant = method.toUpperCase();
    throw new TypeError(`Methods are case-sensitive: ${method} of the route ${path} is ${meant}`);
  }
  const [, foreign] = /(?:^|\/)(:[A-Za-z_]\w*(?=\/|$)|\*$)/.exec(path) ?? [];
  if (foreign !== undefined) {
    const meant = foreign === "*" ? "{rest...}" : `{${foreign.slice(1)}}`;
    throw new TypeError(`In the path ${path}, write ${meant} for ${foreign}`);
  }
  const content = limits?.content ?? 0;
  if (!Number.isSafeInteger(content) || content < 0) {
    throw new RangeError(`The route ${path} cannot have the limit ${content} of content`);
  }
}

/** The literal parts of a pattern: visible ASCII without braces, `?` and `#`, escapes normalized. */
const LITERAL = /^\/(?:[!$&-;=@-Z_a-z~]|%[0-9A-F]{2})*$/;

const PARAMETER = /\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}/g;

function compile(path: string): Resource {
  const names: string[] = [];
  let source = "";
  let end = 0;
  for (const parameter of path.matchAll(PARAMETER)) {
    const [whole, name, rest] = parameter;
    source += RegExp.escape(path.slice(end, parameter.index)) + (rest ? "(.*)" : "([^/]+)");
    end = parameter.index + whole.length;
    names.push(name!);
    if (rest && end !== path.length) {
      throw new TypeError(`In ${path}, {${name}...} is not at the end`);
    }
  }
  const isSound = new Set(names).size === names.length && !names.includes("__proto__");
  if (!isSound || !LITERAL.test(path.replace(PARAMETER, ""))) {
    throw new TypeError(`The path pattern ${path} is malformed`);
  }
  const pattern = new RegExp(`^${source}${RegExp.escape(path.slice(end))}$`);
  return { prefix: path.replace(/\{.*/, ""), pattern, names, routes: new Map() };
}
