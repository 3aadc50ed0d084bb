// The library in another program: what the README says is enough, in any directory.

import { assertEquals } from "@std/assert";
import { ROOT } from "../support/embedded_files.ts";
import { FOR_PROGRAM, testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";

/** The first block of a language behind the heading "As a library". */
function blockOf(readme: string, language: string): string {
  const [, section = ""] = readme.split("\n## As a library\n");
  return section.split(`\n\`\`\`${language}\n`)[1]?.split("\n```")[0] ?? "";
}

/** Runs a program whose only import is the one in the README. */
async function assertSays(expected: string, program: string, compilerOptions = {}): Promise<void> {
  await withDirectory(async (path) => {
    const readme = await Deno.readTextFile(`${ROOT}/README.md`);
    const { imports } = JSON.parse(blockOf(readme, "json").replaceAll("../wireserve", ROOT));
    assertEquals(Object.keys(imports), ["@wireserve/wireserve"]);
    await Deno.writeTextFile(`${path}/deno.json`, JSON.stringify({ imports, compilerOptions }));
    await Deno.writeTextFile(`${path}/program.ts`, program);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--check", "--no-lock", "--allow-net", `${path}/program.ts`],
      cwd: path,
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    const said = new TextDecoder().decode(stdout);
    assertEquals(said.replace(/:[0-9]+\/$/m, ":PORT/"), expected);
  });
}

testWith(
  FOR_PROGRAM,
  "a program elsewhere has the library by what the README says",
  async () => {
    const readme = await Deno.readTextFile(`${ROOT}/README.md`);
    const program = blockOf(readme, "ts").replace("port: 8000", "port: 0") +
      "\nconsole.log(await (await fetch(`${server.url}hello/you`)).text());" +
      "\nawait server.close();\n";
    await assertSays("http://localhost:PORT/\nHello, you!\n\n", program);
  },
);

/** The compiler applies a program's options to the library's modules as well. */
const STRICTEST = {
  erasableSyntaxOnly: true,
  exactOptionalPropertyTypes: true,
  isolatedDeclarations: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noPropertyAccessFromIndexSignature: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
};

/** A program that passes options and parts of responses which may be undefined. */
const STRICT_PROGRAM = `
import { type Handler, type HttpResponse, router, serve, type Server } from "@wireserve/wireserve";

const settings: { port: number; hostname?: string; mode?: number } = { port: 0 };
const { hostname, mode } = settings;
const inner: Handler = router([
  { method: "GET", path: "/", handler: () => ({ status: 200, content: "strict" }) },
]);
const outer: Handler = async (request): Promise<HttpResponse> => {
  const { status, fields, content } = await inner(request);
  return { status, fields, content };
};
await using server: Server = serve(outer, {
  hostname,
  port: settings.port,
  endpoint: mode === undefined ? undefined : { transport: "unix", path: "socket", mode },
  clientOf: undefined,
  limits: undefined,
  onError: undefined,
  signal: undefined,
});
console.log(await (await fetch(server.url)).text());
`;

testWith(
  FOR_PROGRAM,
  "a program has the library under the strictest options of the compiler",
  () => assertSays("strict\n", STRICT_PROGRAM, STRICTEST),
);

/** A program behind a proxy on this machine. */
const PROXIED_PROGRAM = `
import { serve, TrustedProxies } from "@wireserve/wireserve";

const proxies = await TrustedProxies.of(["127.0.0.1", "::1"]);
await using server = serve(({ client }) => ({ status: 200, content: client }), {
  port: 0,
  clientOf: (peer, fields) => proxies.clientOf(peer, fields),
});
const headers = { "X-Forwarded-For": "203.0.113.7, 192.0.2.7" };
console.log(await (await fetch(server.url, { headers })).text());
`;

testWith(
  FOR_PROGRAM,
  "a program elsewhere has TrustedProxies with nothing more in its deno.json",
  () => assertSays("192.0.2.7\n", PROXIED_PROGRAM),
);

/** A program whose one representation has validators and ranges. */
const PARTIAL_PROGRAM = `
import {
  contentRange,
  evaluatePreconditions,
  type Handler,
  isRangeCurrent,
  selectRanges,
  serve,
  StatusError,
  type Validators,
} from "@wireserve/wireserve";

const bytes = new TextEncoder().encode("abcdefghij");
const current: Validators = { etag: '"v1"', lastModified: Date.UTC(2026, 0, 1) };
const handler: Handler = ({ method, fields: asked }) => {
  const now = Date.now();
  const fields = { "ETag": current.etag, "Accept-Ranges": "bytes" };
  const verdict = evaluatePreconditions(method, asked, current, now);
  if (verdict === "failed") throw new StatusError(412, "It has changed.");
  if (verdict === "not modified") return { status: 304, fields };
  const value = method === "GET" && isRangeCurrent(asked, current, now) ? asked.get("Range") : null;
  const ranges = value === null ? null : selectRanges(value, bytes.length);
  if (ranges === null || ranges.length > 1) return { status: 200, fields, content: bytes };
  const [range] = ranges;
  if (range === undefined) {
    const unsatisfied = { "Content-Range": contentRange(null, bytes.length) };
    throw new StatusError(416, "There are ten bytes.", unsatisfied);
  }
  return {
    status: 206,
    fields: { ...fields, "Content-Range": contentRange(range, bytes.length) },
    content: bytes.subarray(range.first, range.last + 1),
  };
};
await using server = serve(handler, { port: 0 });
const requests: Record<string, string>[] = [
  {},
  { "If-None-Match": 'W/"v1"' },
  { "If-Match": '"v0"' },
  { "Range": "bytes=2-4" },
  { "Range": "bytes=2-4", "If-Range": '"v0"' },
  { "Range": "bytes=10-" },
];
for (const headers of requests) {
  const response = await fetch(server.url, { headers });
  console.log(response.status, response.headers.get("Content-Range"), await response.text());
}
`;

const PARTIAL_ANSWERS = [
  "200 null abcdefghij",
  "304 null ",
  "412 null It has changed.\n",
  "206 bytes 2-4/10 cde",
  "200 null abcdefghij",
  "416 bytes */10 There are ten bytes.\n",
];

testWith(
  FOR_PROGRAM,
  "a program elsewhere answers conditions and ranges by what the library has for them",
  () => assertSays(`${PARTIAL_ANSWERS.join("\n")}\n`, PARTIAL_PROGRAM, STRICTEST),
);

interface Declaration {
  readonly kind: string;
  readonly jsDoc?: { readonly tags?: readonly { readonly kind: string }[] };
}

interface Documentation {
  readonly nodes: Record<
    string,
    { readonly symbols: readonly { name: string; declarations: readonly Declaration[] }[] }
  >;
}

testWith(
  FOR_PROGRAM,
  "every export has an example, which the check of the project runs",
  async () => {
    const { exports } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
    const paths: string[] = Object.entries<string>(exports)
      .filter(([name]) => name !== "./cli")
      .map(([, path]) => `${ROOT}/${path}`);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["doc", "--json", ...paths],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    const { nodes }: Documentation = JSON.parse(new TextDecoder().decode(stdout));
    const symbols = Object.values(nodes).flatMap(({ symbols }) => symbols);
    assertEquals(symbols.length > 100, true);
    // What another module exports again has its documentation there.
    const declared = symbols.filter(({ declarations }) =>
      declarations.every(({ kind }) => kind !== "reference" && kind !== "import")
    );
    const hasExample = ({ jsDoc }: Declaration) =>
      jsDoc?.tags?.some(({ kind }) => kind === "example") ?? false;
    const without = declared.filter(({ declarations }) => !declarations.some(hasExample));
    assertEquals(without.map(({ name }) => name), []);
  },
);
