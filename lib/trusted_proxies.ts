// The address of a client behind proxies. The hops in a request are read from the right, and only
// as long as each was reported by a trusted proxy: a client can forge the rest.

import type { IPv4, IPv6 } from "ipaddr.js"; // parses and matches addresses of both families
import type { Fields } from "./http/fields.ts";
import { forwardedHops, type Hops, xForwardedForHops } from "./http/forwarded.ts";
import { UNIX_PEER } from "./server/listener.ts";

/** Hops that are read: more than a chain of proxies has, fewer than fit into a request's head. */
const MAX_HOPS = 32;

type Address = IPv4 | IPv6;
type Network = readonly [address: Address, prefix: number];
type Library = typeof import("ipaddr.js");

/**
 * The proxies that a server trusts.
 *
 * @example
 * ```ts
 * import { Fields, TrustedProxies } from "@wireserve/wireserve";
 *
 * const proxies = await TrustedProxies.of(["10.0.0.0/8"]);
 * const fields = new Fields([["X-Forwarded-For", "192.0.2.1"]]);
 * console.log(proxies.clientOf("10.0.0.1", fields)); // 192.0.2.1
 * ```
 */
export class TrustedProxies {
  readonly #library: Library;
  readonly #networks: readonly Network[];
  readonly #trustsUnix: boolean;
  // Most requests come from the proxy of the last one: this saves 0.7 us.
  #lastPeer = "";
  #isLastTrusted = false;

  private constructor(library: Library, networks: readonly Network[], trustsUnix: boolean) {
    this.#library = library;
    this.#networks = networks;
    this.#trustsUnix = trustsUnix;
  }

  /**
   * The proxies in a list. This loads ipaddr.js, which nothing else needs.
   *
   * @param list Addresses, networks (`192.0.2.0/24`, `2001:db8::/32`), and `unix` for all peers on
   * Unix sockets.
   * @throws {RangeError} for any other member, which the message names.
   */
  static async of(list: readonly string[]): Promise<TrustedProxies> {
    const { default: library } = await import("ipaddr.js");
    const networks = list.filter((member) => member !== UNIX_PEER).map((member) => {
      const network = parseNetwork(library, member);
      if (network !== null) return network;
      throw new RangeError(`${JSON.stringify(member)} is neither an address nor a network`);
    });
    return new TrustedProxies(library, networks, list.includes(UNIX_PEER));
  }

  /**
   * The client of a request.
   *
   * It is the first hop from the right that is not trusted, or the leftmost one. A hop without a
   * valid address ends the search: the client is the hop to the right of it. If there are both
   * Forwarded and X-Forwarded-For, they count as far as they agree: a proxy that adds to one of
   * them forwards what a client has forged in the other.
   *
   * @param peer The address of the peer, or `unix`.
   * @param fields The fields of the request, ignored if the peer is not trusted.
   * @returns An address in canonical form, or the peer unchanged.
   */
  clientOf(peer: string, fields: Fields): string {
    if (!this.isTrusted(peer)) return peer;
    const chains = [forwardedHops(fields), xForwardedForHops(fields)]
      .filter((hops) => hops.length > 0);
    let client = peer;
    for (let hop = 1; hop <= MAX_HOPS; hop++) {
      const address = this.#agreed(chains, hop);
      if (address === null) break;
      client = address.toString();
      if (!this.#isInNetwork(address)) break;
    }
    return client;
  }

  /** Whether a peer is one of the proxies. */
  isTrusted(peer: string): boolean {
    if (peer === UNIX_PEER) return this.#trustsUnix;
    if (peer !== this.#lastPeer) {
      const address = parseAddress(this.#library, peer);
      this.#isLastTrusted = address !== null && this.#isInNetwork(address);
      this.#lastPeer = peer;
    }
    return this.#isLastTrusted;
  }

  /** The address of a hop, counted from 1 at the right, if all chains agree on it, else null. */
  #agreed(chains: readonly Hops[], hop: number): Address | null {
    let agreed: Address | null = null;
    for (const hops of chains) {
      const address = parseAddress(this.#library, hops.at(-hop) ?? "");
      if (address === null) return null;
      if (agreed !== null && agreed.toString() !== address.toString()) return null;
      agreed = address;
    }
    return agreed;
  }

  #isInNetwork(address: Address): boolean {
    return this.#networks.some(([network, prefix]) =>
      network.kind() === address.kind() && address.match(network, prefix)
    );
  }
}

/** The prefix length of `::ffff:0:0/96`, the IPv4-mapped addresses (RFC 4291 section 2.5.5.2). */
const MAPPED_PREFIX = 96;

/**
 * Whether {@linkcode TrustedProxies.of} accepts a member of a list: without ipaddr.js, since to load
 * that takes 30 ms.
 */
export function isProxy(member: string): boolean {
  if (member === UNIX_PEER) return true;
  const [, text = "", digits] = NETWORK.exec(member) ?? [];
  if (isIPv4(text)) return Number(digits ?? 0) <= 32;
  if (!isIPv6(text)) return false;
  const prefix = Number(digits ?? 128);
  return prefix <= 128 && (!isMapped(text) || prefix >= MAPPED_PREFIX);
}

/** Whether text is an IPv4 address: four decimal numbers. Octal and fewer parts are ambiguous. */
export function isIPv4(text: string): boolean {
  return IPV4.test(text);
}

/** Whether text is an IPv6 address, without a zone. */
export function isIPv6(text: string): boolean {
  return text.includes(":") && URL.canParse(`http://[${text}]/`);
}

function isMapped(text: string): boolean {
  const { hostname } = new URL(`http://[${text}]/`);
  return text.includes(".") || /^\[::ffff:[0-9a-f]+:[0-9a-f]+\]$/.test(hostname);
}

/** An address, and the length of a prefix. A zone is refused: the zone of a peer is not compared. */
const NETWORK = /^([^/%]*)(?:\/(0|[1-9][0-9]{0,2}))?$/;

function parseNetwork(library: Library, member: string): Network | null {
  const [, text = "", digits] = NETWORK.exec(member) ?? [];
  const address = parseAddress(library, text);
  const isMapped = address?.kind() === "ipv4" && text.includes(":");
  const longest = address?.kind() === "ipv4" ? 32 : 128;
  const prefix = digits === undefined ? longest : Number(digits) - (isMapped ? MAPPED_PREFIX : 0);
  return address === null || prefix < 0 || prefix > longest ? null : [address, prefix];
}

const IPV4 = /^(?:(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])(?:\.(?!$)|$)){4}$/;

/** An address, an IPv4-mapped one as IPv4; null if it is malformed. */
function parseAddress(library: Library, text: string): Address | null {
  if (IPV4.test(text)) return new library.IPv4(text.split(".").map(Number));
  if (!text.includes(":") || !library.IPv6.isValid(text)) return null;
  const address = library.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}
