// What every page begins with, and what it may load.

import { STYLE_PATH } from "./assets.ts";
import { escapeHtml } from "./format.ts";

/** Nothing from elsewhere, and no script or style in the page itself (CSP Level 3). */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "media-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * The beginning of a page, up to its body.
 *
 * @param base The path of the files, escaped, with a slash at its end.
 */
export function head(title: string, base: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${escapeHtml(base)}${STYLE_PATH}">
</head>
`;
}
