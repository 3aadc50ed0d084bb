// Flags from the environment and from files, and which of them count.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { readConfig, readEnvironment, suggestion } from "../../lib/options/layers.ts";
import { configFileOf, type Options, parseOptions } from "../../lib/options/parse.ts";
import { configSchema } from "../../lib/options/schema.ts";
import { UsageError } from "../../lib/options/values.ts";
import { testWith } from "../support/needs.ts";

type Variables = Readonly<Record<string, string>>;

function parse(args: readonly string[], variables: Variables, file: unknown): Options {
  const environment = readEnvironment((name) => variables[name]);
  return parseOptions(args, [environment, readConfig(JSON.stringify(file), "c.json")]);
}

const CASES: [
  args: string[],
  variables: Variables,
  file: Record<string, unknown>,
  expected: Partial<Options>,
][] = [
  [[], {}, { $schema: "s", path: "a", port: 1 }, { directory: "a", port: 1 }],
  [[], {}, { port: "1" }, { port: 1 }],
  [[], { WIRESERVE_PORT: "2" }, { port: 1 }, { port: 2 }],
  [["-p", "3"], { WIRESERVE_PORT: "2" }, { port: 1 }, { port: 3 }],
  [["-p", "3"], { WIRESERVE_PORT: "nonsense" }, {}, { port: 3 }],
  [[], { WIRESERVE_PORT: "" }, { port: 1 }, { port: 1 }],
  [[], { WIRESERVE_PORT: "tcp://10.0.0.1:80" }, { port: 1 }, { port: 1 }],
  [[], { WIRESERVE_VERBOSE: "0" }, { verbose: true }, { verbose: false }],
  [[], { WIRESERVE_VERBOSE: "true" }, { verbose: false }, { verbose: true }],
  [["--verbose"], { WIRESERVE_VERBOSE: "off" }, {}, { verbose: true }],
  [["b"], {}, { directory: "a" }, { directory: "b" }],
  [["-d", "b"], {}, { path: "a" }, { directory: "b", site: null }],
  [["--unix", "s"], { WIRESERVE_PORT: "2" }, { bind: "::" }, { port: 4221, bind: "localhost" }],
  [[], { WIRESERVE_PATH: "a" }, {}, { directory: "a" }],
  [[], {}, { header: ["A: b", "C: d"] }, { headers: [["A", "b"], ["C", "d"]] }],
  [[], {}, { header: "A: b" }, { headers: [["A", "b"]] }],
  [[], { WIRESERVE_HEADER: "A: b\nC: d" }, {}, { headers: [["A", "b"], ["C", "d"]] }],
  [["--header", "E: f"], {}, { header: "A: b" }, { headers: [["E", "f"]] }],
  [[], {}, { "max-body-size": "5K" }, { limits: { content: 5120 } }],
  [[], { WIRESERVE_MAX_BODY_SIZE: "5K" }, {}, { limits: { content: 5120 } }],
];

Deno.test("parseOptions() puts the command line before the environment, before a file", () => {
  for (const [args, variables, file, expected] of CASES) {
    const options = parse(args, variables, file);
    assertEquals({ ...options, ...expected }, options, JSON.stringify([args, variables, file]));
  }
});

Deno.test("readConfig() refuses what is no configuration, in one sentence", () => {
  const cases: [text: string, message: RegExp][] = [
    ["", /is no JSON: /],
    ["{", /is no JSON: /],
    ["[]", /is no JSON object/],
    ["null", /is no JSON object/],
    ['"a"', /is no JSON object/],
    ['{"prot":1}', /unknown name "prot": did you mean port\?/],
    ['{"--port":1}', /unknown name "--port": did you mean port\?/],
    ['{"__proto__":1}', /unknown name "__proto__"/],
    ['{"constructor":1}', /unknown name "constructor"/],
    ['{"help":true}', /unknown name "help"/],
    ['{"config":"a"}', /unknown name "config"/],
    ['{"verbose":1}', /verbose takes true or false/],
    ['{"verbose":"true"}', /verbose takes true or false/],
    ['{"port":true}', /port takes a text or a number/],
    ['{"port":null}', /port takes a text or a number/],
    ['{"port":[1]}', /port takes a text or a number/],
    ['{"log":""}', /log takes a text or a number/],
    ['{"header":[["A: b"]]}', /header takes a text, or an array of texts/],
    ['{"header":{}}', /header takes a text, or an array of texts/],
  ];
  for (const [text, message] of cases) {
    const error = assertThrows(() => readConfig(text, "c\n.json"), UsageError);
    assertMatch(error.message, message);
    assertMatch(error.message, /^--config "c\\n\.json"[^\n]+$/);
  }
});

Deno.test("readEnvironment() refuses a switch that is neither on nor off", () => {
  assertThrows(
    () => readEnvironment((name) => name === "WIRESERVE_VERBOSE" ? "maybe" : undefined),
    UsageError,
    'WIRESERVE_VERBOSE takes true or false, not "maybe"',
  );
});

Deno.test("configFileOf() finds the file on the command line, or in the environment", () => {
  const environment = readEnvironment((name) => name === "WIRESERVE_CONFIG" ? "e" : undefined);
  assertEquals(configFileOf(["--config", "a", "dir"], environment), "a");
  assertEquals(configFileOf(["dir"], environment), "e");
  assertEquals(configFileOf(["dir"], new Map()), null);
});

Deno.test("suggestion() names the nearest flag, and none for a word that is not near", () => {
  const cases = [
    ["--dir", "directory"],
    ["--Port", "port"],
    ["--tls-crt", "tls-cert"],
    ["--maxbodysize=1", "max-body-size"],
    ["--worker", "workers"],
  ];
  for (const [argument, flag] of cases) {
    assertEquals(suggestion(argument!), `: did you mean --${flag}?`);
  }
  for (const argument of ["--frobnicate", "-x", "--", "---", "--=", "--q"]) {
    assertEquals(suggestion(argument), "", argument);
  }
});

testWith(["read"], "docs/config.schema.json is what `deno task schema` writes", async () => {
  const path = new URL("../../docs/config.schema.json", import.meta.url).pathname;
  assertEquals(await Deno.readTextFile(path), configSchema());
});

Deno.test("configSchema() takes what readConfig() takes", () => {
  const { properties } = JSON.parse(configSchema());
  for (const [name, { type, anyOf, enum: words }] of Object.entries<never>(properties)) {
    if (name === "$schema") continue;
    const value = type === "boolean"
      ? true
      : anyOf
      ? ["a"]
      : (words as string[] | undefined)?.[0] ?? "a";
    assert(readConfig(JSON.stringify({ [name]: value }), "c").has(name as "port"), name);
  }
});
