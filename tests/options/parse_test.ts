import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { DEFAULT_FILE_SETTINGS } from "../../lib/files/settings.ts";
import { type Options, parseOptions } from "../../lib/options/parse.ts";
import { UsageError } from "../../lib/options/values.ts";

Deno.test("parseOptions() returns the defaults without arguments", () => {
  assertEquals(parseOptions([]), {
    directory: null,
    site: null,
    files: DEFAULT_FILE_SETTINGS,
    port: 4221,
    bind: "localhost",
    tls: null,
    unix: null,
    trustProxy: [],
    allowHost: [],
    cors: [],
    auth: null,
    headers: [],
    cacheControl: null,
    redirectHttps: null,
    qr: false,
    workers: 1,
    grace: 10_000,
    drainDelay: 0,
    log: "common",
    logFile: null,
    verbose: false,
    admin: null,
    limits: {},
    completions: null,
    help: false,
    version: false,
  });
});

Deno.test("parseOptions() takes long and short flags, the value behind or beside", () => {
  const expected = { ...parseOptions([]), directory: "a b", port: 0, bind: "::", verbose: true };
  assertEquals(parseOptions(["-d", "a b", "-p", "0", "-b", "::", "--verbose"]), expected);
  assertEquals(parseOptions(["--directory=a b", "--port=0", "--bind=::", "--verbose"]), expected);
  assertEquals(parseOptions(["-p0", "--verbose", "-d", "a b", "--bind", "::"]), expected);
  assertEquals(parseOptions(["--p", "0", "--verbose", "--d=a b", "-b::"]), expected);
  assertEquals(
    parseOptions(["-p", "1", "--verbose", "-p", "0", "-d", "a b", "-b", "::"]),
    expected,
  );
});

Deno.test("parseOptions() takes limits in the units that people write", () => {
  const cases: [flag: string, value: string, limits: Record<string, number>][] = [
    ["--max-body-size", "0", { content: 0 }],
    ["--max-body-size", "123", { content: 123 }],
    ["--max-body-size", "5k", { content: 5120 }],
    ["--max-body-size", "2M", { content: 2_097_152 }],
    ["--max-body-size", "1G", { content: 1_073_741_824 }],
    ["--max-request-line", "9000", { requestLine: 9000 }],
    ["--max-header-size", "64K", { fieldSection: 65_536 }],
    ["--max-headers", "7", { fieldCount: 7 }],
    ["--max-connections", "0", { connections: 0 }],
    ["--max-requests", "1", { requests: 1 }],
    ["--header-timeout", "1.5", { headerTimeout: 1500 }],
    ["--idle-timeout", "0", { idleTimeout: 0 }],
    ["--body-timeout", "30", { bodyTimeout: 30_000 }],
    ["--min-rate", "64K", { minRate: 65_536 }],
  ];
  for (const [flag, value, limits] of cases) {
    assertEquals<unknown>(parseOptions([flag, value]).limits, limits, `${flag} ${value}`);
  }
});

Deno.test("parseOptions() throws one line, whatever is in the argument", () => {
  for (
    const argument of ["--a\nb", "--port=\n1", "--log=\x1b[2J", "--admin=\x9b2J\u202e"]
  ) {
    const { message } = assertThrows(() => parseOptions([argument]), UsageError);
    assertMatch(message, /^[\x20-\x7e]+$/);
  }
});

Deno.test("parseOptions() refuses values of flags that take none", () => {
  for (const argument of ["--verbose=no", "--verbose=false", "--help=1", "-h=false", "-h/x"]) {
    assertThrows(() => parseOptions([argument]), UsageError, "takes no value");
  }
});

Deno.test("parseOptions() takes the argument behind a flag without a value for a path", () => {
  const cases: [args: string[], expected: Partial<Options>][] = [
    [["--verbose", "dir"], { verbose: true, directory: "dir" }],
    [["-h", "dir"], { help: true, directory: "dir" }],
    [["dir", "-h"], { help: true, directory: "dir" }],
    [["--", "-dir"], { directory: "-dir" }],
    [["--verbose", "--", "--help"], { verbose: true, directory: "--help" }],
    [["7"], { directory: "7" }],
    [["-p", "80", "dir", "--verbose"], { port: 80, directory: "dir", verbose: true }],
  ];
  for (const [args, expected] of cases) {
    const options = parseOptions(args);
    assertEquals({ ...options, ...expected }, options, args.join(" "));
    assertEquals(options.site, { base: "", file: null });
  }
  const { files } = parseOptions(["-w", "dir", "--allow-delete"]);
  assertEquals([files.isReadOnly, files.allowsDelete, files.isTrusted], [false, true, false]);
  assertEquals(parseOptions(["-wh", "dir"]).files.isReadOnly, false);
});

Deno.test("parseOptions() serves a path read-only, with media types, unless told otherwise", () => {
  const { files } = parseOptions(["dir"]);
  assertEquals(files, {
    ...DEFAULT_FILE_SETTINGS,
    isReadOnly: true,
    guessesTypes: true,
    listsAsText: true,
    hasIndex: true,
    hasFallback: false,
    isTrusted: true,
  });
  const other = parseOptions(["dir", "--no-index", "--spa", "--base-path", "/a/%7eb%2f/"]);
  assertEquals([other.files.hasIndex, other.files.hasFallback], [false, true]);
  assertEquals(other.site, { base: "/a/~b%2F", file: null });
});

Deno.test("parseOptions() refuses what parseArgs would misread", () => {
  for (
    const argument of [
      "-d/srv/a=b",
      "-da=b",
      "-p8=0",
      "--no-port=80",
      "--no-help=",
      "--version=",
      "--verbose=",
      "-h=",
    ]
  ) {
    assertThrows(() => parseOptions([argument]), UsageError, `unclear argument "${argument}"`);
  }
});

Deno.test("parseOptions() reads short flags as getopt(3) does, or refuses them", () => {
  let read = 0;
  for (const argument of shortArguments(["d", "b", "h", "x", "1", "=", "-", "/", ".", ":"], 4)) {
    if (argument.startsWith("--")) continue;
    for (const args of [[argument], [argument, "next"]]) {
      const options = parseOrNull(args);
      if (options === null) continue;
      const { bind, directory, help } = options;
      assertEquals({ bind, directory, help }, getopt(args), args.join(" "));
      read++;
    }
  }
  assert(read > 700, String(read));
});

/** Arguments of a dash and up to so many of the characters, in every order. */
function shortArguments(characters: readonly string[], length: number): string[] {
  const all = [["-"]];
  for (let at = 0; at < length; at++) {
    all.push(all[at]!.flatMap((argument) => characters.map((character) => argument + character)));
  }
  return all.slice(1).flat();
}

function parseOrNull(args: readonly string[]): Options | null {
  try {
    return parseOptions(args);
  } catch (error) {
    assert(error instanceof UsageError);
    return null;
  }
}

/** Another reading of an argument of short flags, and of the value behind it. */
function getopt([argument = "", next = ""]: readonly string[]): Partial<Options> {
  const [, letters, flag, value] = /^-(h*)(?:([db])=?(.*))?$/.exec(argument) ?? [];
  const path = flag === undefined || value ? next || null : null;
  return {
    bind: flag === "b" ? value || next : "localhost",
    directory: flag === "d" ? value || next : path,
    help: (letters ?? "") !== "",
  };
}

/** Arguments, and the options that differ from the defaults. */
const TAKEN: [args: string, expected: Partial<Options>][] = [
  ["--workers 1", { workers: 1 }],
  ["--workers 256", { workers: 256 }],
  ["--workers=auto", { workers: "auto" }],
  ["--tls-cert a.pem --tls-key b.pem", { tls: { certificate: "a.pem", key: "b.pem" } }],
  ["--unix /run/a.sock", { unix: { path: "/run/a.sock", mode: 0o660 } }],
  ["--unix a --unix-mode 600", { unix: { path: "a", mode: 0o600 } }],
  ["--unix-mode=0777 --unix a", { unix: { path: "a", mode: 0o777 } }],
  [`--unix ${"s".repeat(107)}`, { unix: { path: "s".repeat(107), mode: 0o660 } }],
  ["--grace 0", { grace: 0 }],
  ["--grace 2.5", { grace: 2500 }],
  ["--grace 86400", { grace: 86_400_000 }],
  ["--drain-delay 0.5", { drainDelay: 500 }],
  ["--log off", { log: "off" }],
  ["--log combined", { log: "combined" }],
  ["--log-file a.log", { logFile: "a.log" }],
  ["--admin localhost:9090", { admin: { transport: "tcp", hostname: "localhost", port: 9090 } }],
  ["--admin 127.0.0.1:0", { admin: { transport: "tcp", hostname: "127.0.0.1", port: 0 } }],
  ["--admin [::1]:65535", { admin: { transport: "tcp", hostname: "::1", port: 65535 } }],
  ["--admin my-host_1.example:1", {
    admin: { transport: "tcp", hostname: "my-host_1.example", port: 1 },
  }],
  ["--admin /run/admin.sock", { admin: { transport: "unix", path: "/run/admin.sock" } }],
  ["--admin unix:admin.sock", { admin: { transport: "unix", path: "admin.sock" } }],
  ["--admin /run/a:80", { admin: { transport: "unix", path: "/run/a:80" } }],
  ["--trust-proxy 10.0.0.1", { trustProxy: ["10.0.0.1"] }],
  ["--trust-proxy 10.0.0.0/8,::1,fe80::/10", { trustProxy: ["10.0.0.0/8", "::1", "fe80::/10"] }],
  ["--trust-proxy 0.0.0.0/0 --trust-proxy=::/0", { trustProxy: ["0.0.0.0/0", "::/0"] }],
  ["--trust-proxy ::ffff:10.0.0.1/128", { trustProxy: ["::ffff:10.0.0.1/128"] }],
  ["--trust-proxy unix,::1", { trustProxy: ["unix", "::1"] }],
  ["--trust-proxy ::ffff:10.0.0.0/104", { trustProxy: ["::ffff:10.0.0.0/104"] }],
  ["--completions fish", { completions: "fish" }],
  ["--allow-host a.example --allow-host *.b", { allowHost: ["a.example", "*.b"] }],
  ["--allow-host [::1] --allow-host 10.0.0.1", { allowHost: ["[::1]", "10.0.0.1"] }],
  ["--cors *", { cors: "*" }],
  ["--cors https://a.example:8443", { cors: ["https://a.example:8443"] }],
  ["--header X-A:b=c", { headers: [["X-A", "b=c"]] }],
  ["--header a:b --header A:c:d", { headers: [["a", "b"], ["A", "c:d"]] }],
  ["--cache-control max-age=60", { cacheControl: "max-age=60" }],
  ["--qr", { qr: true }],
  ["--auth a:b:c --auth-scope write --auth-rule a:ro:/x//y/ --auth-insecure", {
    auth: {
      users: [{ name: "a", secret: "b:c" }],
      file: null,
      scope: "write",
      rules: [{ user: "a", mode: "ro", path: ["x", "y"] }],
      isInsecure: true,
    },
  }],
  ["--auth-file f", {
    auth: { users: [], file: "f", scope: "all", rules: [], isInsecure: false },
  }],
  ["--bind [::1]", { bind: "::1" }],
  ["--bind fe80::1%eth0", { bind: "fe80::1%eth0" }],
];

Deno.test("parseOptions() takes what each flag takes", () => {
  for (const [args, expected] of TAKEN) {
    assertEquals(parseOptions(args.split(" ")), { ...parseOptions([]), ...expected }, args);
  }
});

const PROXIES = "IP addresses, prefixes such as 10.0.0.0/8, or unix";

const REFUSED: [args: string[], message: string][] = [
  ...["X", "X A: b", ": b", "X:", "X: ", "X: a\r\nb", "X: a\nb", "X: ü", "X\r\n: a", "X: a\0"].map(
    (value): [string[], string] => [["--header", value], "--header takes a"],
  ),
  ...["Content-Length", "transfer-encoding", "CONTENT-TYPE", "Date", "Vary", "Connection"].map(
    (name): [string[], string] => [["--header", `${name}: 1`], `--header cannot set ${name}`],
  ),
  ...["a b:80", "http://a", "a/b", "1.2", "*"].map((value): [string[], string] =>
    value.endsWith(":80")
      ? [["--bind", value], "--bind takes a host without a port: write --bind a b --port 80"]
      : [["--bind", value], "--bind takes a host name or an address"]
  ),
  [["--bind", "localhost:8080"], "--bind localhost --port 8080"],
  [["--bind", "[::1]:8080"], "--bind ::1 --port 8080"],
  ...["x", "//", "/a//b", "/a/../b", "/a?b", "/a#b", "/{a}", "/a b", "/ü", "/a\\b"].map(
    (value): [string[], string] => [["d", "--base-path", value], "--base-path takes a path"],
  ),
  ...["a.example", "https://a.example/", "ftp://a", "null", "HTTPS://a"].map(
    (value): [string[], string] => [["--cors", value], "--cors takes an origin"],
  ),
  ...["a", ":b", "a:", "a\n:b", ""].map(
    (value): [string[], string] =>
      value === ""
        ? [["--auth="], "--auth needs a value: --auth USER:PASSWORD"]
        : [["--auth", value], "--auth takes a name, a colon and a password"],
  ),
  ...["a", "a:ro", "a:ro:x", "a:RO:/x", "a:no:/", ":ro:/", "a:ro:/..", "a:ro:/./b"].map(
    (value): [string[], string] => [["--auth", "a:b", "--auth-rule", value], "USER:rw:/PATH"],
  ),
  [["--auth-scope", "read", "--auth", "a:b"], "--auth-scope takes all or write"],
  [["--auth-scope", "write"], "--auth-scope needs --auth or --auth-file"],
  [["--auth-rule", "a:ro:/"], "--auth-rule needs --auth or --auth-file"],
  [["--auth-insecure"], "--auth-insecure needs --auth or --auth-file"],
  [["--cors", "*", "--cors", "https://a"], "--cors takes an origin"],
  ...["a:80", "http://a", "a b", "*.*", "**"].map(
    (value): [string[], string] => [["--allow-host", value], "--allow-host takes a host name"],
  ),
  [["--cache-control", "a\nb"], "--cache-control takes a value of visible ASCII"],
  [["--dir"], 'unknown flag "--dir": did you mean --directory?'],
  [["--prot=1"], 'unknown flag "--prot=1": did you mean --port?'],
  [["--writeable", "a"], "did you mean --writable?"],
  [["--frobnicate"], 'unknown flag "--frobnicate"'],
  [["-x"], 'unknown flag "-x"'],
  [["a", "b"], '"b" is one path too many'],
  [["a", "--directory", "b"], "cannot be used together"],
  [["a", "-w", "--read-only"], "--writable and --read-only cannot be used together"],
  [["a", "--allow-delete"], "--allow-delete needs --writable"],
  [["-w"], "--writable needs the path of a folder"],
  [["-w", "-d", "a"], "with --directory DIR, writing is on"],
  [["--spa", "-d", "a"], "--spa needs the path of a folder"],
  [["a", "--redirect-https", "80"], "--redirect-https needs --tls-cert"],
  [["a", "--qr", "--unix", "s"], "--qr and --unix cannot be used together"],
  ...["0", "257", "1e2", "-1", "1.5", "0x10", "Auto", "", "1 ", "９"].map((value) =>
    refused("workers", value, "a number from 1 to 256, or auto")
  ),
  ...["66", "6600", "888", "0o660", "u=rw", "-660", "", "660\n"].map((value) =>
    refused("unix-mode", value, "an octal mode such as 660")
  ),
  ...["soon", "-1", "1e3", "86401", "86400.001", "", "Infinity", "1.0000", "10s"].map((value) =>
    refused("grace", value, "a number of seconds, up to 86400")
  ),
  ...["Common", "", "all", "constructor"].map((value) =>
    refused("log", value, "off, common, combined or json")
  ),
  ...["powershell", "", "bash,zsh", "__proto__"].map((value) =>
    refused("completions", value, "bash, zsh or fish")
  ),
  ...[
    "",
    "9090",
    ":9090",
    "localhost",
    "localhost:",
    "localhost:65536",
    "localhost:http",
    "localhost:-1",
    "::1:9090",
    "[::1]",
    "[localhost]:1",
    "[127.0.0.1]:1",
    "[::g]:1",
    "1.2:80",
    "256.0.0.1:80",
    "01.2.3.4:80",
    "a b:80",
    "-a:80",
    "a/b:80",
    "*:80",
    "http://localhost:80",
    "admin.sock",
    "unix:",
    "localhost:80\n",
  ].map((value) =>
    refused("admin", value, "HOST:PORT, [IPv6]:PORT, an absolute path or unix:PATH")
  ),
  ...[
    "",
    "localhost",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10/8",
    "0x7f.1",
    "010.0.0.1",
    "fe80::1%eth0",
    "1::2::3",
    " ::1",
    "[::1]",
    "*",
    "Unix",
    "unix:/run/a.sock",
    "::ffff:10.0.0.0/8",
  ].map((value) => refused("trust-proxy", value, PROXIES)),
  [["--trust-proxy=10.0.0.0/8,"], `${PROXIES}, not ""`],
  [["--trust-proxy=::1", "--trust-proxy=x"], `${PROXIES}, not "x"`],
  [["--tls-cert", "a"], "--tls-cert needs --tls-key"],
  [["--tls-key", "a"], "--tls-key needs --tls-cert"],
  [["--tls-cert=", "--tls-key=a"], "--tls-cert needs a value"],
  [["--tls-cert", "--tls-key"], "--tls-cert needs a value"],
  [["--unix="], "--unix needs a value"],
  [["--unix", "é".repeat(54)], "--unix takes a path of at most 107 bytes"],
  [["--admin", `/${"s".repeat(107)}`], "--admin takes a path of at most 107 bytes"],
  [["--unix-mode=660"], "--unix-mode needs --unix"],
  [["--unix=s", "--port=80"], "--unix and --port cannot be used together"],
  [["--unix=s", "-p80"], "--unix and --port cannot be used together"],
  [["--unix=s", "--workers", "2"], "--unix and --workers cannot be used together"],
  [["-b", "::", "--unix=s"], "--unix and --bind cannot be used together"],
  [["--unix=s", "--tls-cert=a", "--tls-key=b"], "--unix and --tls-cert cannot be used together"],
  [["--unix=/s", "--admin=/s"], "--unix and --admin cannot be the same socket"],
  [["--log-file="], "--log-file needs a value"],
  [["--log-file"], "--log-file needs a value"],
  [["--trust-proxy"], "--trust-proxy needs a value"],
  [["-d", "-p", "80"], "--directory needs a value"],
  [["-dp", "80"], "--directory needs a value"],
  [["-dp", "80", "-d", "a"], "--directory needs a value"],
  [["--port=80", "--port"], "--port needs a value"],
];

function refused(flag: string, value: string, expected: string): [string[], string] {
  if (value === "") return [[`--${flag}=`], `--${flag} needs a value`];
  return [[`--${flag}=${value}`], `--${flag} takes ${expected}, not ${JSON.stringify(value)}`];
}

Deno.test("parseOptions() refuses invalid values, in one sentence", () => {
  for (const [args, message] of REFUSED) {
    assertThrows(() => parseOptions(args), UsageError, message, args.join(" "));
  }
});

Deno.test("parseOptions() returns frozen values", () => {
  const options = parseOptions(
    ["--tls-cert=a", "--tls-key=b", "--trust-proxy=::1", "--admin=a:1", "--max-headers=7"],
  );
  for (const value of [options, options.tls, options.trustProxy, options.admin, options.limits]) {
    assert(Object.isFrozen(value));
  }
});
