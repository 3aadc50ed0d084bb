// Uploads: one after the other, so that none waits for the time that the others take.

import { makeFolder } from "./changes.js";
import { ask, make } from "./elements.js";
import { refresh, urlOf } from "./list.js";

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

prepareUploads();
