// How each server is started. Wireserve is the program as your_program.sh runs it, without its log.

import { caddyConfig } from "./servers/caddy.ts";
import { nginxConfig } from "./servers/nginx.ts";
import { type App, type Family, FAMILY_NAMES, type Row } from "./row.ts";

/** Where a server runs: its port, the directory behind /files/, and one for its own files. */
export interface Place {
  readonly port: number;
  readonly directory: string;
  readonly own: string;
}

/** A server in one idiom. */
export interface Recipe {
  readonly family: Family;
  /** Its name, with the idiom if there are several. */
  readonly name: string;
  /** How it reads files; the first idiom takes part in every row. */
  readonly reading: "readable" | "whole" | null;
  /** The authority of its certificate in PEM, or null without TLS. */
  readonly authority: string | null;
  /** The app that it runs in place of its own routes, or null. */
  readonly app: App | null;
  readonly program: string;
  readonly args: (place: Place) => string[] | Promise<string[]>;
}

/** Paths of a certificate and its key, and its authority in PEM. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
  readonly authority: string;
}

/** What is installed, and null for what is not: the commands of peers, and openssl's certificate. */
export interface Programs {
  /** Node.js, or null if Deno runs its server. */
  readonly node: string | null;
  readonly nginx: string | null;
  readonly caddy: string | null;
  readonly tls: Tls | null;
}

const ROOT = new URL("../../", import.meta.url).pathname;
const PEERS = new URL("./servers/", import.meta.url).pathname;

/** The arguments of Deno that run Wireserve: those of your_program.sh. */
export const WIRESERVE: readonly string[] = [
  "run",
  "--config",
  `${ROOT}deno.json`,
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-sys=statfs,networkInterfaces,hostname",
  `${ROOT}main.ts`,
];

const PEER = ["run", "--no-config", "--allow-net", "--allow-read", "--allow-write"];

export function recipes(programs: Programs): Recipe[] {
  const { nginx, caddy, tls } = programs;
  const plain = [
    wireserve("wireserve", []),
    wireserve("workers", ["--workers", "2"]),
    recipe("loop", Deno.execPath(), ({ port }) => [...PEER, `${PEERS}bare_loop.ts`, `${port}`]),
    denoServe("readable", null),
    denoServe("whole", null),
    nodeHttp("readable", programs),
    nodeHttp("whole", programs),
    ...(nginx === null ? [] : [nginxRecipe(nginx, null)]),
    ...(caddy === null ? [] : [caddyRecipe(caddy)]),
    hono("wireserve"),
    hono("deno"),
    folderServer(),
    ...(caddy === null ? [] : [{ ...caddyRecipe(caddy), app: "folder" as const }]),
  ];
  if (tls === null) return plain;
  const secured = [
    wireserve("wireserve", ["--tls-cert", tls.cert, "--tls-key", tls.key]),
    denoServe("readable", tls),
    ...(nginx === null ? [] : [nginxRecipe(nginx, tls)]),
  ];
  return [...plain, ...secured.map((each) => ({ ...each, authority: tls.authority }))];
}

function recipe(family: Family, program: string, args: Recipe["args"]): Recipe {
  const none = { reading: null, authority: null, app: null };
  return { family, name: FAMILY_NAMES[family], ...none, program, args };
}

function hono(family: "wireserve" | "deno"): Recipe {
  const run = recipe(family, Deno.execPath(), ({ port }) => [
    ...["run", "--quiet", "--config", `${ROOT}deno.json`, "--allow-net", "--allow-read"],
    ...[`${PEERS}hono_app.ts`, family, `${port}`],
  ]);
  return { ...run, app: "hono" };
}

function wireserve(family: Family, flags: readonly string[]): Recipe {
  return recipe(family, Deno.execPath(), ({ port, directory }) => [
    ...WIRESERVE,
    ...["--directory", directory, "--port", `${port}`, "--log", "off", "--mime-types", ...flags],
  ]);
}

function folderServer(): Recipe {
  const run = recipe("wireserve", Deno.execPath(), ({ port, directory }) => [
    ...[...WIRESERVE, directory, "--base-path", "/files", "--port", `${port}`, "--log", "off"],
  ]);
  return { ...run, app: "folder" };
}

type Reading = NonNullable<Recipe["reading"]>;

function denoServe(reading: Reading, tls: Tls | null): Recipe {
  const pair = tls === null ? [] : [tls.cert, tls.key];
  const run = recipe("deno", Deno.execPath(), ({ port, directory }) => [
    ...[...PEER, `${PEERS}deno_serve.ts`, `${port}`, directory, reading, ...pair],
  ]);
  const idiom = reading === "whole" ? "readFile" : "file.readable";
  return { ...run, name: `Deno.serve (${idiom})`, reading };
}

function nodeHttp(reading: Reading, { node }: Programs): Recipe {
  const run = recipe("node", node ?? Deno.execPath(), ({ port, directory }) => [
    ...[...(node === null ? PEER : []), `${PEERS}node_http.mjs`, `${port}`, directory, reading],
  ]);
  const idiom = reading === "whole" ? "readFile" : "createReadStream";
  return { ...run, name: `node:http (${idiom})`, reading };
}

function nginxRecipe(program: string, tls: Tls | null): Recipe {
  return recipe("nginx", program, async (place) => {
    const path = `${place.own}/nginx.conf`;
    await Deno.writeTextFile(path, nginxConfig(place, tls));
    return ["-p", place.own, "-c", path, "-e", `${place.own}/error.log`];
  });
}

function caddyRecipe(program: string): Recipe {
  return recipe("caddy", "sh", async ({ own, ...place }) => {
    await Deno.writeTextFile(`${own}/Caddyfile`, caddyConfig({ own, ...place }));
    // Before it has read where its log goes, it writes to stderr.
    const command = 'exec "$0" run --config Caddyfile --adapter caddyfile 2>caddy.log';
    return ["-c", `cd "$1" && ${command}`, program, own];
  });
}

export function takesPart(recipe: Recipe, row: Row): boolean {
  return row.families.includes(recipe.family) && (recipe.authority !== null) === row.isTls &&
    recipe.app === row.app &&
    (row.isFile || recipe.reading !== "whole");
}
