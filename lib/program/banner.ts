// What the program says at its start: the addresses that lead to it, and what is open to others.

import { isIPv4 } from "../trusted_proxies.ts";
import type { Options } from "../options/parse.ts";
import { machineAddresses, machineName } from "./addresses.ts";
import { hasUnknownAddresses, isLocal } from "./guards.ts";

/** One line of the start: the name of an event, and its detail. */
export type StartLine = readonly [event: string, detail: string];

/**
 * The URLs by which other machines reach the server, those of its network first.
 *
 * @param isNameKnown Whether they find the name of this machine by multicast DNS (RFC 6762).
 */
export function addressesFor(
  { bind, site }: Pick<Options, "bind" | "site">,
  url: string,
  isNameKnown: boolean = hasMulticastDns(),
): string[] {
  const isAny = bind === "0.0.0.0" || bind === "::";
  if (!isAny) return [];
  const { protocol, port } = new URL(url);
  const urlOf = (host: string) => {
    const suffix = port === "" ? "" : `:${port}`;
    const bracketed = host.includes(":") ? `[${host}]` : host;
    return `${protocol}//${bracketed}${suffix}${site?.base ?? ""}/`;
  };
  const own = (machineAddresses() ?? []).filter((address) =>
    isIPv4(address) ? !address.startsWith("127.") : bind === "::" && isRoutable(address)
  );
  const name = isNameKnown ? machineName() : null;
  const local = name === null ? [] : [`${name.replace(/\.local$/, "")}.local`];
  return [...own.filter(isIPv4), ...own.filter((each) => !isIPv4(each)), ...local].map(urlOf);
}

/** Whether an address of IPv6 works in a URL: one of a link needs its zone. */
function isRoutable(address: string): boolean {
  return address !== "::1" && !/^fe[89ab]/i.test(address);
}

/** Whether the name of this machine is known in the local network: by macOS, or by Avahi. */
function hasMulticastDns(): boolean {
  if (Deno.build.os === "darwin") return true;
  const path = "/run/avahi-daemon/socket";
  try {
    const { state } = Deno.permissions.querySync({ name: "read", path });
    return state === "granted" && (Deno.lstatSync(path).isSocket ?? false);
  } catch {
    return false;
  }
}

/** What is worth knowing about who can do what. */
export function warningsFor(options: Options): StartLine[] {
  const lines: StartLine[] = [];
  if (options.directory === null || isLocal(options)) return lines;
  if (!options.files.isReadOnly && options.auth === null) {
    const off = options.site === null ? "add --read-only" : "leave out --writable";
    lines.push(["warning", `other machines can write without a password: use --auth, or ${off}`]);
  }
  if (hasUnknownAddresses(options)) {
    lines.push(["warning", "any address is allowed in Host: see --allow-sys=networkInterfaces"]);
  }
  return lines;
}

/** A URL as a QR code of block characters. */
export async function qrCode(url: string): Promise<string> {
  // Loaded on demand: typed, without dependencies, and writes text as well.
  const { renderUnicodeCompact } = await import("uqr");
  return renderUnicodeCompact(url);
}
