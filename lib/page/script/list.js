// The list: its rows with local times, the filter, and the selection.

import { make, say } from "./elements.js";

/** Whether the reader may delete, rename and move. */
export const canDelete = (document.body.dataset.rights ?? "").includes("delete");

const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function nameOf(row) {
  return row.querySelector("td.name bdi").textContent;
}

export function isFolder(row) {
  return row.classList.contains("folder");
}

export function hrefOf(row) {
  return row.querySelector("td.name a").href;
}

export function rows() {
  return [...document.querySelectorAll("tbody tr")];
}

function enhance() {
  const isSearch = new URLSearchParams(location.search).has("q");
  for (const time of document.querySelectorAll("time")) {
    time.title = time.textContent;
    time.textContent = times.format(new Date(time.dateTime));
  }
  if (isSearch) return;
  for (const cell of document.querySelectorAll(".pick")) cell.hidden = false;
  for (const cell of document.querySelectorAll(".more")) cell.hidden = !canDelete;
  for (const row of rows()) {
    const name = nameOf(row);
    row.querySelector(".pick").append(
      make("input", { type: "checkbox", "aria-label": `Select ${name}`, onchange: showSelection }),
    );
    if (!canDelete) continue;
    row.querySelector(".more").append(
      make("button", { class: "plain", "aria-label": `Change ${name}` }, "⋯"),
    );
  }
  const all = document.querySelector("th.pick input");
  all.addEventListener("change", () => {
    for (const row of rows()) {
      if (!row.hidden) row.querySelector(".pick input").checked = all.checked;
    }
    showSelection();
  });
}

/** Gets the listing again. */
export async function refresh() {
  const options = { headers: { "Accept": "text/html" } };
  const text = await fetch(location.href, options)
    .then((response) => response.ok ? response.text() : null, () => null);
  if (text === null) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const part of [".listing", "footer"]) {
    document.querySelector(part).replaceWith(document.importNode(page.querySelector(part), true));
  }
  enhance();
  filter();
}

/** The URL of a path from this folder or, with a slash in front, from the served one. */
export function urlOf(path) {
  const isAbsolute = path.startsWith("/");
  const base = new URL(isAbsolute ? document.body.dataset.base : "./", location.href);
  const segments = path.replace(/^\/+/, "").split("/").map(encodeURIComponent);
  return new URL(`./${segments.join("/")}`, base);
}

const tools = document.querySelector(".tools");
const filterBox = make("input", {
  type: "search",
  placeholder: "Filter",
  size: 10,
  "aria-label": "Filter this list",
});
filterBox.addEventListener("input", filter);

function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function filter() {
  const text = fold(filterBox.value);
  let count = 0;
  for (const row of rows()) {
    row.hidden = !fold(nameOf(row)).includes(text);
    if (!row.hidden) count++;
  }
  if (text !== "") say(`${count} entries`);
  showSelection();
}

export const selectionButtons = make("span", { class: "tools", hidden: true });

/** The entries that are selected, without those that the filter hides. */
export function selected() {
  return rows().filter((row) => !row.hidden && row.querySelector(".pick input")?.checked);
}

function showSelection() {
  selectionButtons.hidden = selected().length === 0;
}

selectionButtons.append(
  make("button", {
    onclick: () => {
      const names = selected().map((row) => `name=${encodeURIComponent(nameOf(row))}`);
      const link = make("a", { href: `./?zip&${names.join("&")}`, download: "" });
      link.click();
    },
  }, "Zip selected"),
);

tools.append(filterBox, selectionButtons);
enhance();
