// README.md below the list of its folder. It comes from an uploader, perhaps: HTML in it is text, what
// is no address of a page or a picture is no link, and no text takes long.

/** Addresses that cannot run script: relative ones, and those of the web and of mail. */
const SAFE = /^(?:https?:|mailto:|[^:]*$|[^:]*[/?#])/i;

/** What is used of the library, which has no types. */
interface Library {
  readonly default: (options: { readonly html: boolean }) => {
    validateLink: (address: string) => boolean;
    readonly render: (text: string) => string;
  };
}

let render: Promise<(text: string) => string> | null = null;

async function load(): Promise<(text: string) => string> {
  // The time of others is squared by some texts: 3 s for 64 KiB. Version 15 is three times as large.
  const { default: markdownIt }: Library = await import("markdown-it");
  const parser = markdownIt({ html: false });
  parser.validateLink = isSafe;
  return (text) => parser.render(text);
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
