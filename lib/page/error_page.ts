// An error as a page, for those who prefer one.

import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { negotiateType } from "../http/negotiation.ts";
import { reasonPhrase, type StatusError } from "../http/status.ts";
import { escapeHtml } from "./format.ts";
import { head, POLICY } from "./layout.ts";

/**
 * The pages of errors of a file server.
 *
 * @param base The path of the files, escaped, with a slash at its end.
 */
export function errorPages(
  base: string,
): (error: StatusError, request: HttpRequest | null) => Omit<HttpResponse, "status"> {
  return ({ status, message }, request) => {
    const offered = ["text/plain", "text/html"] as const;
    const isPage = request !== null && request.fields.has("Accept") &&
      negotiateType(request.fields, offered) === "text/html";
    if (!isPage) {
      return { fields: { "Content-Type": "text/plain" }, content: `${message}\n` };
    }
    return {
      fields: {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": POLICY,
        "Vary": "Accept",
      },
      content: `${head(reasonPhrase(status), base)}<body>
<main class="error"><h1>${escapeHtml(reasonPhrase(status) || String(status))}</h1>
<p>${escapeHtml(message)}</p>
<p><a class="button" href="${escapeHtml(base)}">To the files</a></p></main>
</body>
</html>
`,
    };
  };
}
