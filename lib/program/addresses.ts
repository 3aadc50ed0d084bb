// The names and addresses of this machine. To ask for them takes permissions of Deno, which are not
// required: without one, the answer is null.

/** Milliseconds for which the addresses are taken as they are: a laptop changes its network. */
const ADDRESSES_TIME = 1000;

let addresses: readonly string[] | null = null;
let readAt = -Infinity;

/** The addresses of this machine, or null where `--allow-sys=networkInterfaces` is missing. */
export function machineAddresses(): readonly string[] | null {
  if (performance.now() - readAt > ADDRESSES_TIME) {
    const isKnown = isGranted("networkInterfaces");
    addresses = isKnown ? Deno.networkInterfaces().map(({ address }) => address) : null;
    readAt = performance.now();
  }
  return addresses;
}

/** The name of this machine in lower case, or null where `--allow-sys=hostname` is missing. */
export function machineName(): string | null {
  const name = isGranted("hostname") ? Deno.hostname().toLowerCase() : "";
  return /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(name) ? name : null;
}

function isGranted(kind: "networkInterfaces" | "hostname"): boolean {
  return Deno.permissions.querySync({ name: "sys", kind }).state === "granted";
}
