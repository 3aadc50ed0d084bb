// What the page of a folder does with script: local times, a filter, uploads with progress, and
// changes by the methods of HTTP and WebDAV. Without it the page works all the same.

const rights = document.body.dataset.rights ?? "";
const canDelete = rights.includes("delete");
const status = document.querySelector("#status");

/** Makes an element: its properties, `class` and `on…` among them, and its children. */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") element.className = value;
    else if (key.includes("-")) element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

function say(text) {
  status.textContent = text;
}

/** Asks with a dialog; resolves to what the button stands for, or null where it was closed. */
function ask(title, body, buttons) {
  return new Promise((resolve) => {
    const dialog = make("dialog", { "aria-labelledby": "dialog-title" });
    const form = make("form", { method: "dialog" });
    form.append(make("h2", { id: "dialog-title" }, title), ...body);
    const row = make("div", { class: "row" });
    for (const [text, value, className = ""] of buttons) {
      row.append(make("button", { value, class: className }, text));
    }
    form.append(row);
    dialog.append(form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "" ? null : dialog.returnValue);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

async function askForText(title, label, value, button) {
  const input = make("input", { type: "text", value, required: true, "aria-label": label });
  const answered = ask(title, [input], [[button, "yes", "main"]]);
  input.focus();
  const end = value.lastIndexOf(".");
  input.setSelectionRange(0, end > 0 ? end : value.length);
  return await answered === "yes" && input.value !== "" ? input.value : null;
}

/** Asks the server for a change; what fails is told, in its words. */
async function succeeds(url, options) {
  let text = "The server could not be reached.";
  try {
    const response = await fetch(url, options);
    if (response.ok) return true;
    text = await response.text();
  } catch {
    // The connection was lost.
  }
  await ask("That did not work", [make("p", {}, text.slice(0, 300))], [["Close", "no"]]);
  return false;
}

// Dark and light.

function setTheme(theme) {
  if (theme === null) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

const themeButton = document.querySelector("#theme");
try {
  setTheme(localStorage.getItem("theme"));
} catch {
  // The browser keeps nothing for this page.
}
themeButton.hidden = false;
themeButton.addEventListener("click", () => {
  const isDark = getComputedStyle(document.documentElement).colorScheme === "dark" ||
    document.documentElement.dataset.theme === undefined &&
      matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = isDark ? "light" : "dark";
  setTheme(theme);
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // It lasts until the page is left.
  }
});

// The rows, after each change of the listing.

const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function nameOf(row) {
  return row.querySelector("td.name bdi").textContent;
}

function isFolder(row) {
  return row.classList.contains("folder");
}

function hrefOf(row) {
  return row.querySelector("td.name a").href;
}

function rows() {
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
    if (canDelete) {
      const button = make("button", { class: "plain", "aria-label": `Change ${name}` }, "⋯");
      button.addEventListener("click", () => change(row));
      row.querySelector(".more").append(button);
    }
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
async function refresh() {
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

// The filter, and the selection.

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

const selectionButtons = make("span", { class: "tools", hidden: true });

/** The entries that are selected, without those that the filter hides. */
function selected() {
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
if (canDelete) {
  selectionButtons.append(
    make("button", { class: "danger", onclick: () => removeAll(selected()) }, "Delete selected"),
  );
}

// Changes.

async function change(row) {
  const choice = await ask(nameOf(row), [], [
    ["Rename or move", "move"],
    ["Delete", "delete", "danger"],
  ]);
  if (choice === "move") await move(row);
  if (choice === "delete") await removeAll([row]);
}

/** The URL of a path from this folder or, with a slash in front, from the served one. */
function urlOf(path) {
  const isAbsolute = path.startsWith("/");
  const base = new URL(isAbsolute ? document.body.dataset.base : "./", location.href);
  const segments = path.replace(/^\/+/, "").split("/").map(encodeURIComponent);
  return new URL(`./${segments.join("/")}`, base);
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

async function makeFolder() {
  const name = await askForText("New folder", "Name", "", "Create");
  if (name === null) return;
  if (await succeeds(`${urlOf(name)}/`, { method: "MKCOL" })) say(`${name} is created`);
  await refresh();
}

// Uploads: one after the other, so that none waits for the time that the others take.

const queue = [];
let isSending = false;
/** What to do with every further name that is taken. */
let forAll = null;
let panel = null;

function show(upload) {
  if (panel === null) {
    panel = make("section", { id: "uploads", "aria-label": "Uploads" }, make("ul"));
    document.body.append(panel);
  }
  upload.bar = make("progress", { max: 1, value: 0, "aria-label": upload.path });
  upload.text = make("span", { class: "state" }, "waiting");
  upload.button = make("button", { class: "plain" }, "Cancel");
  upload.button.addEventListener("click", () => upload.cancel());
  upload.item = make(
    "li",
    {},
    make("bdi", {}, upload.path),
    upload.button,
    upload.text,
    upload.bar,
  );
  panel.firstChild.append(upload.item);
}

function add(files) {
  for (const { file, path } of files) {
    const upload = { file, path, isCancelled: false, request: null };
    upload.cancel = () => {
      upload.isCancelled = true;
      upload.request?.abort();
      if (upload.request === null) finish(upload, "cancelled");
    };
    show(upload);
    queue.push(upload);
  }
  if (!isSending) sendAll();
}

function finish(upload, text, isFailure = false) {
  upload.text.textContent = text;
  upload.item.classList.toggle("failed", isFailure);
  upload.button.textContent = isFailure ? "Retry" : "Hide";
  upload.button.onclick = null;
  const button = upload.button.cloneNode(true);
  upload.button.replaceWith(button);
  button.addEventListener("click", () => {
    upload.item.remove();
    if (isFailure) add([upload]);
    if (panel !== null && panel.firstChild.children.length === 0) {
      panel.remove();
      panel = null;
    }
  });
}

async function sendAll() {
  isSending = true;
  for (let upload = queue.shift(); upload !== undefined; upload = queue.shift()) {
    if (upload.isCancelled) continue;
    try {
      finish(upload, await send(upload));
    } catch (error) {
      finish(upload, error.message, true);
    }
  }
  isSending = false;
  forAll = null;
  await refresh();
}

/** Sends one file; returns what has become of it. */
async function send(upload) {
  let path = upload.path;
  let headers = { "If-None-Match": "*" };
  let isReplacing = false;
  for (let number = 2;; number++) {
    const { status, text } = await put(upload, path, headers);
    if (upload.isCancelled) return "cancelled";
    if (status === 201 || status === 204) return path === upload.path ? "done" : `done, as ${path}`;
    if (status !== 412) throw new Error(text || `The server answered ${status}`);
    // A file that has changed again while it was replaced is another question.
    const choice = (isReplacing ? null : forAll) ?? await askAboutClash(path);
    if (choice === null || choice === "skip") return "skipped";
    isReplacing = choice === "replace";
    if (isReplacing) headers = { "If-Match": await tagOf(path) };
    else {
      path = upload.path.replace(/(\.[^./]*)?$/, ` (${number})$1`);
      headers = { "If-None-Match": "*" };
    }
    if (upload.isCancelled) return "cancelled";
  }
}

/** The tag of the file that is to be replaced. */
async function tagOf(path) {
  const url = urlOf(path);
  const found = await fetch(url, { method: "HEAD", cache: "no-store" });
  const tag = found.headers.get("ETag");
  if (found.url.endsWith("/")) throw new Error("A folder has this name");
  if (!found.ok || tag === null) throw new Error("It cannot be replaced");
  return tag;
}

async function askAboutClash(path) {
  const every = make("input", { type: "checkbox" });
  const body = [make("label", {}, every, " For all further files")];
  const choice = await ask(`“${path}” is there already`, body, [
    ["Replace", "replace"],
    ["Keep both", "both", "main"],
    ["Skip", "skip"],
  ]);
  if (every.checked) forAll = choice;
  return choice;
}

function put(upload, path, headers) {
  return new Promise((resolve, reject) => {
    const request = upload.request = new XMLHttpRequest();
    const begin = performance.now();
    request.open("PUT", urlOf(path));
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      const seconds = (performance.now() - begin) / 1000;
      const rate = loaded / Math.max(seconds, 0.001);
      const left = Math.ceil((total - loaded) / rate);
      upload.bar.value = total === 0 ? 1 : loaded / total;
      upload.text.textContent = `${Math.round(100 * loaded / (total || 1))} %, ` +
        `${sizeOf(rate)}/s, ${left} s left`;
    });
    request.addEventListener(
      "load",
      () => resolve({ status: request.status, text: request.responseText }),
    );
    request.addEventListener("error", () => reject(new Error("The connection was lost")));
    request.addEventListener("abort", () => resolve({ status: 0, text: "" }));
    request.send(upload.file);
  });
}

function sizeOf(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  const unit = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}

/** The files of what was dropped, those in folders as well. */
async function filesOf(items) {
  const dropped = [...items].filter(({ kind }) => kind === "file");
  // All at once: the items are gone after the event.
  const pairs = dropped.map((item) => [item.webkitGetAsEntry?.() ?? null, item.getAsFile()]);
  const found = [];
  const walk = async (entry, prefix) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      found.push({ file, path: prefix + entry.name });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (batch.length === 0) return;
      for (const each of batch) await walk(each, `${prefix}${entry.name}/`);
    }
  };
  for (const [entry, file] of pairs) {
    if (entry !== null) await walk(entry, "");
    else if (file !== null) found.push({ file, path: file.name });
  }
  return found;
}

function chosen(input) {
  const files = [...input.files].map((file) => ({
    file,
    path: file.webkitRelativePath || file.name,
  }));
  input.value = "";
  add(files);
}

function prepareUploads() {
  const form = document.querySelector("#upload");
  if (form === null) return;
  const file = make("input", { type: "file", multiple: true, hidden: true, id: "pick-files" });
  const folder = make("input", {
    type: "file",
    webkitdirectory: true,
    hidden: true,
    id: "pick-folder",
  });
  file.addEventListener("change", () => chosen(file));
  folder.addEventListener("change", () => chosen(folder));
  form.replaceWith(
    file,
    folder,
    make("button", { class: "main", onclick: () => file.click() }, "Upload"),
    make("button", { onclick: () => folder.click() }, "Upload folder"),
    make("button", { onclick: makeFolder }, "New folder"),
  );
  const hasFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("drop");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) document.body.classList.remove("drop");
  });
  document.addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.remove("drop");
    try {
      add(await filesOf(event.dataTransfer.items));
    } catch (error) {
      const text = `What was dropped cannot be read: ${error.message}`;
      await ask("That did not work", [make("p", {}, text)], [["Close", "no"]]);
    }
  });
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length > 0) add(files.map((file) => ({ file, path: file.name })));
  });
}

// Previews.

/** The beginning of a text. */
async function textOf(url) {
  const response = await fetch(url, { headers: { "Range": "bytes=0-262143" } });
  return response.status === 416 ? "" : await response.text(); // 416: it is empty.
}

/** Markdown as the server shows it below a list, or null where it is too long for that. */
async function articleOf(url) {
  const name = decodeURIComponent(new URL(url).pathname.split("/").at(-1));
  const folder = new URL(`./?limit=0&readme=${encodeURIComponent(name)}`, url);
  const response = await fetch(folder, { headers: { "Accept": "text/html" } });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const article = page.querySelector("article");
  // Its links lead from its own folder, which may be below this one.
  for (const link of article?.querySelectorAll("a[href]") ?? []) {
    link.href = new URL(link.getAttribute("href"), url);
  }
  for (const image of article?.querySelectorAll("img[src]") ?? []) {
    image.src = new URL(image.getAttribute("src"), url);
  }
  return article;
}

/** A place for what is still to come. */
function later(promise) {
  const place = make("div", {}, "…");
  promise.catch(() => "The server could not be reached.")
    .then((content) => place.replaceChildren(content));
  return place;
}

const asText = (url) => textOf(url).then((text) => make("pre", {}, text));
const VIEWS = {
  picture: (url) => make("img", { src: url, alt: "" }),
  video: (url) => make("video", { src: url, controls: true, autoplay: true }),
  audio: (url) => make("audio", { src: url, controls: true, autoplay: true }),
  text: (url) => later(asText(url)),
  markdown: (url) => later(articleOf(url).then((article) => article ?? asText(url))),
};

function viewOf(row) {
  return /\.md$/i.test(nameOf(row)) ? VIEWS.markdown : VIEWS[row.className];
}

function preview(row) {
  const all = rows().filter((each) => !each.hidden && viewOf(each) !== undefined);
  let at = all.indexOf(row);
  const title = make("h2");
  const place = make("div");
  const open = make("a", { class: "button" }, "Open");
  const show = (step) => {
    at = (at + step + all.length) % all.length;
    title.textContent = nameOf(all[at]);
    open.href = hrefOf(all[at]);
    place.replaceChildren(viewOf(all[at])(hrefOf(all[at])));
  };
  const dialog = make("dialog", { class: "preview", "aria-label": "Preview" });
  const close = make("button", { onclick: () => dialog.close() }, "Close");
  const back = make("button", { onclick: () => show(-1), "aria-label": "Previous" }, "←");
  const next = make("button", { onclick: () => show(1), "aria-label": "Next" }, "→");
  dialog.append(title, place, make("div", { class: "row" }, back, next, open, close));
  dialog.addEventListener("keydown", ({ key }) => {
    if (key === "ArrowLeft") show(-1);
    if (key === "ArrowRight") show(1);
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  show(0);
  dialog.showModal();
  close.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("td.name a");
  const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
  if (link === null || link === undefined || !isPlain) return;
  const row = link.closest("tr");
  if (viewOf(row) === undefined) return;
  event.preventDefault();
  preview(row);
});

prepareUploads();
tools.append(filterBox, selectionButtons);
enhance();
