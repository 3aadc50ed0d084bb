import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { DEFAULT_FILE_SETTINGS } from "../lib/files/settings.ts";
import { helpText, parseOptions, UsageError } from "../lib/options.ts";

Deno.test("parseOptions() gives the defaults where nothing is said", () => {
  assertEquals(parseOptions([]), {
    directory: null,
    port: 4221,
    bind: "localhost",
    log: "common",
    verbose: false,
    files: DEFAULT_FILE_SETTINGS,
    limits: {},
    help: false,
    version: false,
  });
});

Deno.test("parseOptions() takes long and short flags, the value behind or beside", () => {
  const expected = { ...parseOptions([]), directory: "a b", port: 0, bind: "::", verbose: true };
  assertEquals(parseOptions(["-d", "a b", "-p", "0", "-b", "::", "--verbose"]), expected);
  assertEquals(parseOptions(["--directory=a b", "--port=0", "--bind=::", "--verbose"]), expected);
  assertEquals(parseOptions(["-p0", "--verbose", "-d", "a b", "--bind", "::"]), expected);
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
    ["--max-fields-size", "64K", { fieldSection: 65_536 }],
    ["--max-fields", "7", { fieldCount: 7 }],
    ["--max-connections", "0", { connections: 0 }],
    ["--max-requests", "1", { requests: 1 }],
    ["--head-timeout", "1.5", { headTimeout: 1500 }],
    ["--idle-timeout", "0", { idleTimeout: 0 }],
    ["--stall-timeout", "30", { stallTimeout: 30_000 }],
    ["--min-rate", "64K", { minRate: 65_536 }],
  ];
  for (const [flag, value, limits] of cases) {
    assertEquals<unknown>(parseOptions([flag, value]).limits, limits, `${flag} ${value}`);
  }
});

Deno.test("parseOptions() throws one line, whatever is in the argument", () => {
  for (const argument of ["--a\nb", "a\nb", "--port=\n1", "--log=\x1b[2J"]) {
    const { message } = assertThrows(() => parseOptions([argument]), UsageError);
    assertMatch(message, /^[\x20-\x7e]+$/);
  }
});

Deno.test("parseOptions() gives no value to flags that have none", () => {
  for (
    const argument of ["--verbose=no", "--verbose=false", "--help=1", "-h=false", "--version="]
  ) {
    assertThrows(() => parseOptions([argument]), UsageError, "takes no value");
    const [flag = "", value = "true"] = argument.split("=");
    if (value !== "true" && value !== "false") continue;
    assertThrows(() => parseOptions([flag, value]), UsageError, "takes no value");
  }
});

Deno.test("helpText() fits a terminal", () => {
  for (const line of helpText().split("\n")) assertMatch(line, /^.{0,80}$/);
});
