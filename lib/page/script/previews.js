// Previews of pictures, video, audio, text and Markdown.

import { make } from "./elements.js";
import { hrefOf, nameOf, rows } from "./list.js";

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
