// Changes by the methods of HTTP and WebDAV: rename, move, delete, new folders.

import { ask, askForText, make, say, succeeds } from "./elements.js";
import {
  canDelete,
  hrefOf,
  isFolder,
  nameOf,
  refresh,
  selected,
  selectionButtons,
  urlOf,
} from "./list.js";

async function change(row) {
  const choice = await ask(nameOf(row), [], [
    ["Rename or move", "move"],
    ["Delete", "delete", "danger"],
  ]);
  if (choice === "move") await move(row);
  if (choice === "delete") await removeAll([row]);
}

async function move(row) {
  const name = nameOf(row);
  const title = `Rename “${name}”; a path moves it`;
  const target = await askForText(title, "New name", name, "Rename");
  if (target === null || target === name) return;
  const destination = urlOf(target).pathname + (isFolder(row) ? "/" : "");
  const headers = { "Destination": destination, "Overwrite": "F" };
  if (await succeeds(hrefOf(row), { method: "MOVE", headers })) say(`${name} is ${target} now`);
  await refresh();
}

/** How many files and folders are below a folder. */
async function countBelow(row) {
  try {
    const { files, directories } = await (await fetch(`${hrefOf(row)}?count`)).json();
    return files + directories;
  } catch {
    return null; // It cannot be counted; deleting it says why.
  }
}

async function removeAll(chosen) {
  const lines = await Promise.all(
    chosen.slice(0, 10).map(async (row) => {
      if (!isFolder(row)) return nameOf(row);
      const count = await countBelow(row);
      return count === null ? nameOf(row) : `${nameOf(row)} and the ${count} entries in it`;
    }),
  );
  if (chosen.length > 10) lines.push(`and ${chosen.length - 10} more`);
  const list = make("ul", {}, ...lines.map((line) => make("li", {}, line)));
  const answer = await ask("Delete for good?", [list], [["Delete", "yes", "danger"], [
    "Keep",
    "no",
  ]]);
  if (answer !== "yes") return;
  for (const row of chosen) {
    const headers = isFolder(row) ? { "Depth": "infinity" } : {};
    if (!await succeeds(hrefOf(row), { method: "DELETE", headers })) break;
    say(`${nameOf(row)} is deleted`);
  }
  await refresh();
}

export async function makeFolder() {
  const name = await askForText("New folder", "Name", "", "Create");
  if (name === null) return;
  if (await succeeds(`${urlOf(name)}/`, { method: "MKCOL" })) say(`${name} is created`);
  await refresh();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("td.more button");
  if (button) change(button.closest("tr"));
});
if (canDelete) {
  selectionButtons.append(
    make("button", { class: "danger", onclick: () => removeAll(selected()) }, "Delete selected"),
  );
}
