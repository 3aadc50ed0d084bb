// README.md below the list of its folder. It comes from an uploader, perhaps: HTML in it is text, and
// what is no address of a page or a picture is no link.

import { escapeHtml } from "./format.ts";

/** Addresses that cannot run script: relative ones, and those of the web and of mail. */
const SAFE = /^(?:https?:|mailto:|[^:]*$|[^:]*[/?#])/i;

interface Token {
  readonly text: string;
  readonly href: string;
}

let render: Promise<(text: string) => string> | null = null;

async function load(): Promise<(text: string) => string> {
  const { Marked } = await import("marked"); // typed, without dependencies
  const marked = new Marked({
    async: false,
    renderer: {
      html: ({ text }) => escapeHtml(text),
      link: ({ text, href }: Token) => isSafe(href) ? false : escapeHtml(text),
      image: ({ text, href }: Token) => isSafe(href) ? false : escapeHtml(text),
    },
  });
  return (text) => marked.parse(text) as string;
}

/** Control characters and spaces, which browsers leave out, hide a scheme. */
function isSafe(address: string): boolean {
  return SAFE.test(address.replace(/[\0-\x20\x7f]|&[#\w]*;?/g, ""));
}

/** A text in Markdown as HTML. The first one loads the library, in 30 ms. */
export async function renderMarkdown(text: string): Promise<string> {
  render ??= load();
  return (await render)(text);
}
