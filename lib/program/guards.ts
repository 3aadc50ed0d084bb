// What stands between the clients and the files, as the options say.

import type { Authentication } from "../auth/guard.ts";
import { cors } from "../middleware/cors.ts";
import { crossOriginProtection } from "../middleware/cross_origin.ts";
import { canonicalHost, hostCheck, isLoopback } from "../middleware/host_check.ts";
import { nameIn, type ResponseFields } from "../http/fields.ts";
import type { Handler } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { chain, type Middleware, withFields } from "../middleware/middleware.ts";
import type { Options } from "../options/parse.ts";
import type { TrustedProxies } from "../trusted_proxies.ts";
import { machineAddresses, machineName } from "./addresses.ts";

const ORIGIN_HINT = "Start the server with --cors ORIGIN to allow it.";
const HOST_HINT = "Start it with --allow-host NAME to allow it.";

/** Methods of the file server that are not in every preflight. */
const WRITING_METHODS = ["PUT", "DELETE", "MKCOL", "MOVE"];

/** Fields that scripts of other origins may read as well. */
const EXPOSED_FIELDS = ["Accept-Ranges", "Content-Range", "ETag", "Location"];

/** The middleware around every handler of files. */
export function fileGuard(
  options: Options,
  proxies: TrustedProxies | null,
  authentication: Authentication | null,
): Middleware {
  const origins = options.cors === "*" ? [] : options.cors;
  const guards: Middleware[] = [crossOriginProtection({ origins, hint: ORIGIN_HINT })];
  if (authentication !== null) guards.push(authentication.guard);
  if (options.cacheControl !== null) guards.push(cacheControl(options.cacheControl));
  if (options.site?.file != null) guards.push(onlyFile(options.site.file));
  const hosts = hostGuard(options, proxies);
  if (hosts !== null) guards.unshift(hosts);
  return (next) => chain(next, ...guards);
}

/** Whether every client is on this machine: then nothing is open to others. */
export function isLocal({ bind, unix }: Pick<Options, "bind" | "unix">): boolean {
  const host = canonicalHost(bind);
  return unix !== null || host !== null && (isLoopback(host) || host.endsWith(".localhost"));
}

/** The check of hosts around a handler. */
export function hostGuarded(handler: Handler, options: Options): Handler {
  return hostGuard(options, null)?.(handler) ?? handler;
}

/** The check against DNS rebinding; null where none is wanted, or no browser can connect. */
function hostGuard(options: Options, proxies: TrustedProxies | null): Middleware | null {
  const { allowHost, bind, unix } = options;
  if (unix !== null || allowHost.includes("*")) return null;
  const isNamed = allowHost.length > 0;
  return hostCheck({
    hosts: isLocal(options) ? allowHost : [...allowHost, ...ownNames(bind)],
    // An address cannot be made to lead elsewhere, so all are allowed where ours are not known.
    allowsAddress: (address) =>
      !isLocal(options) && (machineAddresses()?.includes(address) ?? true),
    isExempt: ({ peer }) => !isNamed && (proxies?.isTrusted(peer) ?? false),
    hint: HOST_HINT,
  });
}

/** Whether the check of hosts has to allow every address, for want of a permission. */
export function hasUnknownAddresses(options: Options): boolean {
  return !isLocal(options) && !options.allowHost.includes("*") && machineAddresses() === null;
}

function ownNames(bind: string): string[] {
  const name = machineName();
  const names = [bind, ...(name === null ? [] : [name, `${name}.local`])];
  return names.filter((each) => canonicalHost(each) !== null);
}

/** A handler behind the middleware of the whole server. */
export function withServerMiddleware(handler: Handler, options: Options): Handler {
  const { cors: origins, headers } = options;
  const middleware: Middleware[] = [];
  if (headers.length > 0) middleware.push(addFields(headers));
  if (origins === "*" || origins.length > 0) {
    const methods = origins === "*" ? [] : WRITING_METHODS;
    middleware.push(cors({ origins, methods, exposedFields: EXPOSED_FIELDS }));
  }
  return chain(handler, ...middleware);
}

/** Adds fields to every response, in place of those of the same name. */
function addFields(added: Options["headers"]): Middleware {
  const names = new Set(added.map(([name]) => name.toLowerCase()));
  const fieldsWith = memoized((fields) => {
    const others = Object.entries(fields).filter(([name]) => !names.has(name.toLowerCase()));
    const all: Record<string, string | string[]> = Object.fromEntries(others) as never;
    for (const [name, value] of added) {
      const same = Object.keys(all).find((each) => each.toLowerCase() === name.toLowerCase());
      if (same === undefined) all[name] = value;
      else all[same] = [all[same]!, value].flat();
    }
    return all;
  });
  return (next) => (request) => withFields(next, request, fieldsWith);
}

/** Adds a Cache-Control to files, which have an ETag, unlike listings and errors. */
export function cacheControl(value: string): Middleware {
  const fieldsWith = memoized((fields) => ({ ...fields, "Cache-Control": value }));
  return (next) => async (request) => {
    const response = await next(request);
    const { fields = {}, status } = response;
    const isFile = status < 400 && nameIn(fields, "ETag") !== null;
    return isFile ? { ...response, fields: fieldsWith(fields) } : response;
  };
}

/** Frozen fields, which are encoded once, stay the same frozen ones. */
function memoized(change: (fields: ResponseFields) => ResponseFields): typeof change {
  const known = new WeakMap<ResponseFields, ResponseFields>();
  return (fields) => {
    if (!Object.isFrozen(fields)) return change(fields);
    const changed = known.get(fields) ?? Object.freeze(change(fields));
    known.set(fields, changed);
    return changed;
  };
}

/** Serves one file of a folder, and redirects from the folder to it. */
export function onlyFile(file: string): Middleware {
  return (next) => (request) => {
    const name = request.parameters["name"]!;
    if (name === file) return next(request);
    if (name !== "") throw new StatusError(404, "There is only one file here.");
    return { status: 307, fields: { "Location": `./${encodeURIComponent(file)}` } };
  };
}
