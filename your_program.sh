#!/bin/sh
# Starts the server with the arguments given, from any working directory. Where no Deno 2.9 or
# newer is installed, npm brings the pinned one. In the end the shell becomes Deno itself, so
# that signals reach it.
set -eu

here=$(dirname -- "$(realpath -- "$0")")

is_recent() {
  version=$("$1" --version 2>/dev/null | sed -n 's/^deno \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
  major=${version% *} minor=${version#* }
  [ -n "$version" ] && { [ "$major" -gt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -ge 9 ]; }; }
}

if deno=$(command -v deno) && is_recent "$deno"; then
  # npm may have installed a script of Node.js in front of the real one.
  [ "$(head -c 2 -- "$deno")" != '#!' ] || deno=$("$deno" eval 'console.log(Deno.execPath())')
elif command -v npx >/dev/null; then
  deno=$(npx --yes deno@2.9.6 eval 'console.log(Deno.execPath())')
else
  echo "wireserve: needs Deno 2.9 or newer, or Node.js with npx to get it" >&2
  exit 1
fi

exec "$deno" run --config "$here/deno.json" --allow-net --allow-read --allow-write \
  --allow-sys=statfs,networkInterfaces,hostname \
  "$here/main.ts" "$@"
