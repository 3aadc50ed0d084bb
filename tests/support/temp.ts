// Directories that a test has for itself.

/** Runs with a new, empty directory, whose real path has no link in it, and removes it after. */
export async function withDirectory(
  run: (path: string) => Promise<void>,
): Promise<void> {
  const path = await Deno.realPath(
    await Deno.makeTempDir({ prefix: "wireserve-test-" }),
  );
  try {
    await run(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

/** The paths of all files and folders below a directory, in order, folders with a slash behind. */
export async function listTree(path: string, prefix = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    paths.push(`${prefix}${name}${isDirectory ? "/" : ""}`);
    if (isDirectory) {
      paths.push(...await listTree(`${path}/${name}`, `${prefix}${name}/`));
    }
  }
  return paths.sort();
}
