// What peers send, made harmless: text that stays in its line and moves no terminal's cursor.

/** Everything but visible ASCII and spaces, and what has a meaning in a quoted string, as `\xHH`. */
export function escapeText(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
}

/** A value as JSON in ASCII: JSON itself leaves what terminals may take for commands. */
export function toAsciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
