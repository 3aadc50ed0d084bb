// TrustedProxies keeps its verdict on the last peer: the time with one proxy, and with two in turn.

import { Fields } from "../lib/http/fields.ts";
import { TrustedProxies } from "../lib/trusted_proxies.ts";

const proxies = await TrustedProxies.of(["10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32"]);
const fields = new Fields([["Host", "h"], ["X-Forwarded-For", "203.0.113.7"]]);

const CASES: Record<string, readonly string[]> = {
  "the same proxy": ["10.0.0.1"],
  "two proxies in turn": ["10.0.0.1", "10.0.0.2"],
  "the same peer, not trusted": ["203.0.113.1"],
  "two peers in turn, not trusted": ["203.0.113.1", "203.0.113.2"],
};

for (const [name, peers] of Object.entries(CASES)) {
  let index = 0;
  Deno.bench(name, { group: "TrustedProxies.clientOf()" }, () => {
    proxies.clientOf(peers[index++ % peers.length]!, fields);
  });
}
