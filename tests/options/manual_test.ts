// The manual page: it is up to date, and passes the linters of manual pages.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Root } from "../../lib/files/root.ts";
import { handlersOf } from "../../lib/files/handlers.ts";
import { DEFAULT_FILE_SETTINGS } from "../../lib/files/settings.ts";
import { ALL_FLAGS } from "../../lib/options/flags.ts";
import { manual } from "../../lib/options/manual.ts";
import { routes } from "../../lib/routes.ts";
import { testWith } from "../support/needs.ts";
import { withDirectory } from "../support/temp.ts";

const PAGE = new URL("../../docs/wireserve.1", import.meta.url).pathname;

testWith(["read"], "docs/wireserve.1 is what `deno task manual` writes", async () => {
  assertEquals(await Deno.readTextFile(PAGE), manual());
});

Deno.test("manual() has every flag, with its value", () => {
  for (const [name, { value }] of ALL_FLAGS) {
    assertStringIncludes(
      manual(),
      `Fl -${name}${value === undefined ? "" : ` Ar ${value.name}`}\n`,
    );
  }
});

testWith(["read", "write"], "manual() has every route", () =>
  withDirectory((path) => {
    const settings = { ...DEFAULT_FILE_SETTINGS, allowsDelete: true };
    const all = routes(handlersOf(new Root(path, false), settings));
    for (const { method, path } of all.filter(({ path }) => path !== "/files")) {
      assertStringIncludes(manual(), `.It Li ${method} ${path}\n`);
    }
    return Promise.resolve();
  }));

testWith(["read", "run", "mandoc"], "docs/wireserve.1 passes the lint of mandoc", async () => {
  const { stdout } = await new Deno.Command("mandoc", {
    args: ["-T", "lint", "-W", "style", PAGE],
  }).output();
  const remarks = new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line !== "" && !line.includes("referenced manual not found"));
  assertEquals(remarks, []);
});

testWith(
  ["read", "run", "groff"],
  "docs/wireserve.1 is set by groff without a warning",
  async () => {
    const { code, stdout, stderr } = await new Deno.Command("groff", {
      args: ["-mandoc", "-wall", "-T", "utf8", "-K", "utf8", "-P-cbou", PAGE],
    }).output();
    assertEquals({ code, stderr: new TextDecoder().decode(stderr) }, { code: 0, stderr: "" });
    const page = new TextDecoder().decode(stdout);
    for (const line of ["-d, --directory DIR\n", "$ wireserve .\n"]) {
      assertStringIncludes(page, line);
    }
  },
);
