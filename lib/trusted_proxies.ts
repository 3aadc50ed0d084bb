// Who the client is, behind proxies: what a request says of its way is believed from the right,
// hop by hop, only as long as whoever says so is a proxy that the server has been told to trust.

import type { IPv4, IPv6 } from "ipaddr.js"; // parses and matches both families, typed, alone
import type { Fields } from "./http/fields.ts";
import { forwardedHops, type Hops, xForwardedForHops } from "./http/forwarded.ts";
import { UNIX_PEER } from "./server/listener.ts";

/** Hops that are looked at: more than any chain of proxies has, less than a head has room for. */
const MOST_HOPS = 32;

type Address = IPv4 | IPv6;
type Network = readonly [address: Address, prefix: number];
type Library = typeof import("ipaddr.js");

/** The proxies that a server trusts. */
export class TrustedProxies {
  readonly #library: Library;
  readonly #networks: readonly Network[];
  readonly #trustsUnix: boolean;
  /** Proxies are few: mostly it is the one of the request before. */
  #lastPeer = "";
  #isLastTrusted = false;

  private constructor(library: Library, networks: readonly Network[], trustsUnix: boolean) {
    this.#library = library;
    this.#networks = networks;
    this.#trustsUnix = trustsUnix;
  }

  /**
   * The proxies of a list. Loads the library that knows addresses: who trusts nobody need not pay.
   *
   * @param list Addresses and networks (`192.0.2.0/24`, `2001:db8::/32`), and `unix` for every
   * peer of a Unix socket.
   * @throws {RangeError} for a member that is none of these; its message names it.
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
   * From the right, each hop is the client unless it is trusted itself; the leftmost is where all
   * are. A hop whose address is hidden or malformed ends the way: the one before it is the client.
   * Where Forwarded and X-Forwarded-For are both there, they are believed as far as they agree: a
   * proxy that adds to one of them passes on whatever its client has written into the other.
   *
   * @param peer The address at the other end of the socket, or `unix`.
   * @param fields The request's fields, which mean nothing where the peer is not trusted.
   * @returns An address in its canonical form, or the peer as it was given.
   */
  clientOf(peer: string, fields: Fields): string {
    if (!this.isTrusted(peer)) return peer;
    const ways = [forwardedHops(fields), xForwardedForHops(fields)].filter((way) => way.length > 0);
    let client = peer;
    for (let hop = 1; hop <= MOST_HOPS; hop++) {
      const address = this.#agreed(ways, hop);
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

  /** The address that all ways tell of the `hop`th hop from the right, or null. */
  #agreed(ways: readonly Hops[], hop: number): Address | null {
    let agreed: Address | null = null;
    for (const way of ways) {
      const address = parseAddress(this.#library, way.at(-hop) ?? "");
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

/** `::ffff:0:0/96`, where IPv6 has the addresses of IPv4. */
const MAPPED_PREFIX = 96;

/**
 * Whether {@linkcode TrustedProxies.of} takes a member of a list.
 *
 * @param library ipaddr.js, which is loaded only by those who need it.
 */
export function isProxy(library: Library, member: string): boolean {
  return member === UNIX_PEER || parseNetwork(library, member) !== null;
}

/** No zones: those of a peer's address are not compared. */
function parseNetwork(library: Library, member: string): Network | null {
  const [, text = "", digits] = /^([^/%]*)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(member) ?? [];
  const address = parseAddress(library, text);
  const isMapped = address?.kind() === "ipv4" && text.includes(":");
  const longest = address?.kind() === "ipv4" ? 32 : 128;
  const prefix = digits === undefined ? longest : Number(digits) - (isMapped ? MAPPED_PREFIX : 0);
  return address === null || prefix < 0 || prefix > longest ? null : [address, prefix];
}

/** Four decimal numbers: the other shapes of old (octal, two parts) are for forgers. */
const IPV4 = /^(?:(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])(?:\.(?!$)|$)){4}$/;

/** An address, one of IPv4 in IPv6 as that of IPv4; null for what is none. */
function parseAddress(library: Library, text: string): Address | null {
  if (IPV4.test(text)) return new library.IPv4(text.split(".").map(Number));
  if (!text.includes(":") || !library.IPv6.isValid(text)) return null;
  const address = library.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}
