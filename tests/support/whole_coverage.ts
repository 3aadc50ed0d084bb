// Removes coverage files that are not complete: a worker that is terminated leaves an empty file,
// at which `deno coverage` fails.

for await (const { name } of Deno.readDir(".coverage")) {
  const path = `.coverage/${name}`;
  const { isFile, size } = await Deno.stat(path);
  if (!isFile) continue;
  try {
    if (size > 0) JSON.parse(await Deno.readTextFile(path));
    else await Deno.remove(path);
  } catch {
    await Deno.remove(path);
  }
}
