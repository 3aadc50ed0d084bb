// Protection against DNS rebinding: a site can make its own name lead to an address of this machine
// or of its network, and its pages can then read what they find there. Their requests still have the
// site's name.

import { isIPv4 } from "../trusted_proxies.ts";
import type { HttpRequest } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import type { Middleware } from "./middleware.ts";

/**
 * The hosts that requests may be for.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, hostCheck, type HostCheckOptions } from "@wireserve/wireserve/middleware";
 *
 * const options: HostCheckOptions = { hosts: ["*.example.com"] };
 * const handler = webHandler(chain(() => ({ status: 204 }), hostCheck(options)));
 * console.log((await handler(new Request("http://www.example.com/"))).status); // 204
 * ```
 */
export interface HostCheckOptions {
  /**
   * Names and addresses, beside those of the loopback. A name counts in any case; `*.example.com` stands for
   * every name below.
   */
  readonly hosts?: readonly string[] | undefined;
  /** Whether an address that is not among them is allowed, in canonical form, without brackets. */
  readonly allowsAddress?: ((address: string) => boolean) | undefined;
  /** Whether a request need not be checked, since it comes from a trusted proxy for instance. */
  readonly isExempt?: ((request: HttpRequest) => boolean) | undefined;
  /** What follows the sentence of the 421: which setting allows a host, for instance. */
  readonly hint?: string | undefined;
}

/** Authorities that are remembered: clients use few of them. */
const MAX_REMEMBERED = 32;

/**
 * Answers only requests for known hosts; others get 421. `localhost`, the names below it and the
 * addresses of the loopback are always known. A request without a host comes from no browser, and passes.
 *
 * @throws {TypeError} for a host that is none.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { chain, hostCheck } from "@wireserve/wireserve/middleware";
 *
 * const handler = webHandler(chain(() => ({ status: 204 }), hostCheck()));
 * console.log((await handler(new Request("http://localhost/"))).status); // 204
 * console.log((await handler(new Request("http://example.com/"))).status); // 421
 * ```
 */
export function hostCheck(options: HostCheckOptions = {}): Middleware {
  const { hosts = [], allowsAddress = () => false, isExempt = () => false, hint = "" } = options;
  const known = new Set<string>();
  const suffixes = [".localhost"];
  for (const each of hosts) {
    const isWild = each.startsWith("*.");
    const host = canonicalHost(isWild ? each.slice(2) : each);
    if (host === null) throw new TypeError(`${JSON.stringify(each)} is no host`);
    if (isWild) suffixes.push(`.${host}`);
    else known.add(host);
  }
  const isKnown = (host: string) =>
    known.has(host) || isLoopback(host) || suffixes.some((suffix) => host.endsWith(suffix));
  const remembered = new Set<string>(); // To parse a URL costs 2 us.
  const allows = (authority: string): boolean => {
    if (remembered.has(authority)) return true;
    const host = canonicalHost(authority.replace(/:[0-9]*$/, ""));
    if (host === null) return false;
    if (!isKnown(host)) return isAddress(host) && allowsAddress(host);
    if (remembered.size < MAX_REMEMBERED) remembered.add(authority);
    return true;
  };
  return (next) => (request) => {
    const { authority } = request;
    if (authority === null || allows(authority) || isExempt(request)) return next(request);
    throw new StatusError(421, `This server is not known by this name.${hint && ` ${hint}`}`);
  };
}

/** Whether a host, as {@linkcode canonicalHost} returns it, is this machine, seen from itself. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || isIPv4(host) && host.startsWith("127.");
}

function isAddress(host: string): boolean {
  return host.includes(":") || isIPv4(host);
}

/**
 * A host as browsers compare it: in lower case, without the dot of the root, and an address as its
 * shortest form, without brackets; null for what is no host.
 */
export function canonicalHost(text: string): string | null {
  const isAddress = text.includes(":") && !text.startsWith("[");
  const bracketed = isAddress ? `[${text}]` : text;
  if (!/^(?:\[[^\]]+\]|[^[\]/?#@:\\\s]+)$/.test(bracketed)) return null;
  const url = URL.parse(`http://${bracketed}/`);
  const host = url?.hostname.replace(/\.$/, "").replace(/^\[(.*)\]$/, "$1") ?? "";
  if (!/^[a-z0-9._:-]+$/.test(host)) return null;
  const [, high, low] = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(host) ?? [];
  if (high === undefined) return host;
  const [one, two] = [parseInt(high, 16), parseInt(low!, 16)];
  return `${one >> 8}.${one & 255}.${two >> 8}.${two & 255}`; // IPv4 in IPv6 (RFC 4291 2.5.5.2)
}
