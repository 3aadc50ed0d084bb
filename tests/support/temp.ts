// Temporary directories.

/** Runs with a new, empty directory, whose path contains no link, and removes it at the end. */
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

/** The sorted paths of all files and directories below a directory; directories end with `/`. */
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
