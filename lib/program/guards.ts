// What stands between the clients and the files, as the options say.

import { cors } from "../middleware/cors.ts";
import { crossOriginProtection } from "../middleware/cross_origin.ts";
import { canonicalHost, hostCheck, isLoopback } from "../middleware/host_check.ts";
import { chain, type Middleware } from "../middleware/middleware.ts";
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
export function fileGuard(options: Options, proxies: TrustedProxies | null): Middleware {
  const origins = options.cors === "*" ? [] : options.cors;
  const guards = [crossOriginProtection({ origins, hint: ORIGIN_HINT })];
  const hosts = hostGuard(options, proxies);
  if (hosts !== null) guards.unshift(hosts);
  return (next) => chain(next, ...guards);
}

/** Whether every client is on this machine: then nothing is open to others. */
export function isLocal({ bind, unix }: Pick<Options, "bind" | "unix">): boolean {
  const host = canonicalHost(bind);
  return unix !== null || host !== null && (isLoopback(host) || host.endsWith(".localhost"));
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

/** The middleware around the whole server; null where none is needed. */
export function serverMiddleware(options: Options): Middleware | null {
  const { cors: origins } = options;
  if (origins !== "*" && origins.length === 0) return null;
  return cors({
    origins,
    methods: origins === "*" ? [] : WRITING_METHODS,
    exposedFields: EXPOSED_FIELDS,
  });
}
