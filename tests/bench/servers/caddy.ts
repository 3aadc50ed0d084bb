// The configuration of Caddy: the file server with compression and listings, without its log and
// its administration. It uses all cores, as it does by default.

import type { Place } from "../recipes.ts";

/** The text of the Caddyfile. */
export function caddyConfig({ port, directory }: Place): string {
  return `{
	admin off
	auto_https off
	log {
		output discard
	}
}

http://127.0.0.1:${port} {
	encode gzip
	respond / 200
	handle_path /files/* {
		root * ${directory}
		file_server browse
	}
}
`;
}
