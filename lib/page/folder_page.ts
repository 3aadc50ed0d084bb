// The page of a folder. It works without script; script/ adds to it.

import type { Cut, Entry, ListingPage, ListingView, SortKey } from "../files/view.ts";
import { RESERVED_NAME } from "../files/root.ts";
import type { HttpRequest } from "../http/message.ts";
import { escapeHtml, humanSize, plainTime } from "./format.ts";
import { icon, kindOf, SPRITE } from "./icons.ts";
import { head, POLICY } from "./layout.ts";
import { SCRIPT_PATHS } from "./assets.ts";
import { renderMarkdown } from "./readme.ts";

/** Entries on one page: a browser takes seconds for very many. */
const PAGE_SIZE = 1000;

/** Bytes up to which a picture is its own thumbnail. */
const MAX_THUMBNAIL = 4 << 20;

const CUT_SENTENCES: Readonly<Record<Cut, string>> = {
  results: "There are more results: search for a longer text.",
  time: "The search took too long and has ended early.",
  unreadable: "Some folders could not be read.",
};

const COLUMNS: readonly (readonly [key: SortKey, title: string, className: string])[] = [
  ["name", "Name", "name"],
  ["size", "Size", "size"],
  ["modified", "Modified", "time"],
];

/**
 * The page of a folder, and of what a search has found below it.
 *
 * @param signsIn Whether people can sign in, by name and password.
 */
export function folderPage(signsIn: boolean): ListingPage {
  return Object.freeze({
    fields: Object.freeze({
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": POLICY,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "same-origin",
    }),
    limit: PAGE_SIZE,
    render: (view: ListingView, { user }: HttpRequest) => render(view, signsIn ? { user } : null),
  });
}

/** Who has signed in, or null where nobody can. */
type Account = { readonly user: string | null } | null;

async function* render(view: ListingView, account: Account): AsyncGenerator<string> {
  const { base, segments, entries, query, canWrite, canDelete } = view;
  const title = query !== null ? `“${query}”` : segments.at(-1) ?? "Files";
  yield head(title, base);
  const rights = `${canWrite ? "write " : ""}${canDelete ? "delete" : ""}`.trim();
  yield `<body data-rights="${rights}" data-base="${escapeHtml(base)}">
${SPRITE}
<header><h1>${breadcrumbs(view)}</h1>
${
    accountLink(base, account)
  }<button class="plain" id="theme" hidden aria-label="Dark or light">◐</button></header>
<main>
${tools(view)}
<div class="listing"><table>
<thead><tr><th class="pick" hidden><input type="checkbox" aria-label="Select all"></th>${
    COLUMNS.map((column) => heading(view, column)).join("")
  }<th class="more" hidden><span class="quiet">Actions</span></th></tr></thead>
<tbody>
`;
  let count = 0;
  for await (const batch of entries) {
    count += batch.length;
    yield batch.map(rowOf).join("");
  }
  const reason = view.cut();
  const readme = await view.readme();
  const article = readme === null ? "" : `<article>${await renderMarkdown(readme)}</article>\n`;
  yield `</tbody></table>
${
    count === 0
      ? `<p class="empty">${query === null ? "This folder is empty." : "Nothing was found."}</p>\n`
      : ""
  }</div>
${reason === null ? "" : `<p class="note">${CUT_SENTENCES[reason]}</p>\n`}<footer>${
    footer(view, count)
  }</footer>
${article}</main>
<div id="status" role="status" aria-live="polite"></div>
${scripts(escapeHtml(base))}
</body>
</html>
`;
}

/** What is imported is asked for at once, not found by the browser one after the other. */
function scripts(base: string): string {
  const [main, ...imported] = SCRIPT_PATHS;
  const preloads = imported.map((path) => `<link rel="modulepreload" href="${base}${path}">`);
  return `${preloads.join("\n")}\n<script type="module" src="${base}${main}"></script>`;
}

/** The way from the served folder, each part a link; the last one is where the reader is. */
function breadcrumbs({ base, segments, query }: ListingView): string {
  const slash = '<span class="slash" aria-hidden="true">/</span>';
  let path = base;
  const parts = [`<a href="${escapeHtml(base)}">Files</a>`];
  for (const segment of segments) {
    path += `${encodeURIComponent(segment)}/`;
    parts.push(`<a href="${escapeHtml(path)}"><bdi>${escapeHtml(segment)}</bdi></a>`);
  }
  if (query !== null) return `${parts.join(slash)}${slash}<bdi>“${escapeHtml(query)}”</bdi>`;
  const last = segments.at(-1);
  parts[parts.length - 1] = last === undefined ? "Files" : `<bdi>${escapeHtml(last)}</bdi>`;
  return parts.join(slash);
}

/** How many entries there are, and the ways to those before and after. */
function footer({ order, part, query, total }: ListingView, count: number): string {
  const all = query === null ? total() ?? count : count;
  const number = (value: number) => value.toLocaleString("en");
  if (all <= count) return `<span>${number(count)} ${count === 1 ? "entry" : "entries"}</span>`;
  const { offset, limit } = part;
  const sort = order === null ? "" : `sort=${order.isDescending ? "-" : ""}${order.key}&amp;`;
  const link = (to: number, text: string) =>
    `<a class="button" href="./?${sort}offset=${to}&amp;limit=${limit}">${text}</a>`;
  const before = offset > 0 ? link(Math.max(0, offset - limit), "Previous") : "";
  const after = offset + count < all ? link(offset + limit, "Next") : "";
  const range = count === 0 ? "None" : `${number(offset + 1)}–${number(offset + count)}`;
  return `<span>${range} of ${
    number(all)
  } entries</span><nav aria-label="Pages">${before} ${after}</nav>`;
}

function accountLink(base: string, account: Account): string {
  if (account === null) return "";
  const [action, text] = account.user === null ? ["sign-in", "Sign in"] : ["sign-out", "Sign out"];
  const name = account.user === null ? "" : `<bdi>${escapeHtml(account.user)}</bdi> `;
  const target = escapeHtml(`${base}${RESERVED_NAME}/${action}`);
  return `<span class="account">${name}<a class="button" href="${target}">${text}</a></span>\n`;
}

function tools({ canWrite, query }: ListingView): string {
  const upload = canWrite && query === null
    ? `<form method="post" action="./" enctype="multipart/form-data" id="upload">
<input type="file" name="file" multiple required aria-label="Files to upload"><button class="main">Upload</button></form>
`
    : "";
  return `<div class="tools">
<form class="search" action="./" role="search"><input type="search" name="q" placeholder="Search below this folder" aria-label="Search below this folder" value="${
    escapeHtml(query ?? "")
  }"><button>Search</button></form>
${upload}<form action="./"><input type="hidden" name="zip"><button>Download as zip</button></form>
</div>`;
}

function heading(
  { order, query }: ListingView,
  [key, title, className]: typeof COLUMNS[number],
): string {
  const isCurrent = order?.key === key;
  const isDescending = isCurrent && order.isDescending;
  const sorted = isCurrent ? ` aria-sort="${isDescending ? "descending" : "ascending"}"` : "";
  const search = query === null ? "" : `q=${encodeURIComponent(query)}&amp;`;
  const target = `./?${search}sort=${isCurrent && !isDescending ? "-" : ""}${key}`;
  const current = isCurrent ? ' aria-current="true"' : "";
  return `<th class="${className}" scope="col"${sorted}><a href="${target}"${current}>${title}</a></th>`;
}

/** A link begins with "./", since the name `a:b` alone would have the scheme `a`. */
function rowOf({ name, type, size, modified }: Entry): string {
  const isFolder = type === "directory";
  const path = name.split("/").map(encodeURIComponent).join("/");
  const target = escapeHtml(`./${path}${isFolder ? "/" : ""}`);
  const kind = isFolder ? "folder" : kindOf(name);
  const isThumbnail = kind === "picture" && size !== null && size > 0 && size <= MAX_THUMBNAIL;
  const sign = isThumbnail
    ? `<img class="icon" src="${target}" alt="" loading="lazy" decoding="async">`
    : icon(kind);
  const time = plainTime(modified);
  return `<tr class="${kind}"><td class="pick" hidden></td><td class="name"><a href="${target}">${sign}<bdi>${
    escapeHtml(name)
  }</bdi></a></td><td class="size"${
    size === null ? "" : ` title="${size.toLocaleString("en")} bytes"`
  }>${
    size === null ? "" : humanSize(size)
  }</td><td class="time"><time datetime="${time.iso}">${time.text}</time></td><td class="more" hidden></td></tr>\n`;
}
