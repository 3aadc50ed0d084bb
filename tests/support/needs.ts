// Tests that need a permission which the run lacks are ignored, and their names say so: bare
// `deno test` grants nothing and is green all the same.

/** The permissions that tests ask for. */
export type Permission = "net" | "read" | "write" | "run" | "env";

/**
 * Registers a test that needs permissions.
 *
 * @param needs What it needs.
 * @param name Its name: "symbol() does X when Y".
 */
export function testWith(
  needs: readonly Permission[],
  name: string,
  run: (context: Deno.TestContext) => void | Promise<void>,
): void {
  const missing = needs.filter((each) => !isGranted(each));
  const reason = missing.map((each) => `--allow-${each}`).join(" ");
  Deno.test({
    name: missing.length === 0 ? name : `${name} (ignored: it needs ${reason})`,
    ignore: missing.length > 0,
    fn: run,
  });
}

function isGranted(name: Permission): boolean {
  return Deno.permissions.querySync({ name }).state === "granted";
}
