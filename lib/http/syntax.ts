// The octets and lexical rules that every part of a message shares (RFC 9110
// section 5.6, RFC 9112 section 2.2). Classification is one table look-up an octet.

/** Carriage return. */
export const CR = 0x0d;
/** Line feed. */
export const LF = 0x0a;
/** Horizontal tab. */
export const HTAB = 0x09;
/** Space. */
export const SP = 0x20;
/** `"`, which opens and closes a quoted string. */
export const DQUOTE = 0x22;
/** `:`, which ends a field name. */
export const COLON = 0x3a;
/** `;`, which begins a chunk extension. */
export const SEMICOLON = 0x3b;
/** `=`, which parts an extension's name from its value. */
export const EQUALS = 0x3d;
/** `\`, which quotes the next octet of a quoted string. */
export const BACKSLASH = 0x5c;

/** Class bit: octets of a token (RFC 9110 section 5.6.2). */
export const TOKEN = 1;
/** Class bit: octets of a field value: visible, blank, tab or obs-text (section 5.5). */
export const FIELD_VALUE = 2;
/** Class bit: octets of a request target: visible ASCII but `#` (RFC 9112 section 3.2). */
export const TARGET = 4;
/** Class bit: hexadecimal digits, in either case. */
export const HEX_DIGIT = 8;

/** The class bits of each of the 256 octets. */
const OCTET_CLASS: Uint8Array = classify();

function classify(): Uint8Array {
  const table = new Uint8Array(256);
  const add = (bit: number, from: number, to: number = from): void => {
    for (let octet = from; octet <= to; octet++) table[octet]! |= bit;
  };
  for (const character of "!#$%&'*+-.^_`|~") {
    add(TOKEN, character.charCodeAt(0));
  }
  for (const [from, to] of ["09", "AZ", "az"]) {
    add(TOKEN, from!.charCodeAt(0), to!.charCodeAt(0));
  }
  add(FIELD_VALUE, HTAB);
  add(FIELD_VALUE, SP, 0x7e);
  add(FIELD_VALUE, 0x80, 0xff);
  add(TARGET, 0x21, 0x7e);
  table[0x23]! &= ~TARGET; // "#": a fragment is never sent (RFC 9110 section 7.1).
  for (const [from, to] of ["09", "AF", "af"]) {
    add(HEX_DIGIT, from!.charCodeAt(0), to!.charCodeAt(0));
  }
  return table;
}

/** Whether an octet is of a class, or of one of several. */
export function isOctet(octet: number, classBits: number): boolean {
  return (OCTET_CLASS[octet]! & classBits) !== 0;
}

const TOKEN_PATTERN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether the whole of `text` is one token (RFC 9110 section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN_PATTERN.test(text);
}

const FIELD_VALUE_PATTERN = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether the whole of `text` may stand in a field value: no CR, LF, NUL or other control. */
export function isFieldValue(text: string): boolean {
  return FIELD_VALUE_PATTERN.test(text);
}

const BEYOND_ASCII = /[\x80-\uffff]/;

/** Whether every character of `text` is ASCII, so that its UTF-8 octets are its characters. */
export function isAscii(text: string): boolean {
  return !BEYOND_ASCII.test(text);
}

/** `text` without the optional white space (SP and HTAB, and nothing else) around it. */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** Whether `octet` is a space or a tab, the only blanks of the grammar. */
export function isBlank(octet: number): boolean {
  return octet === SP || octet === HTAB;
}

/** Whether two names are the same but for the case of ASCII letters. */
export function isSameName(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  if (one === other) return true;
  for (let at = 0; at < one.length; at++) {
    if (lowerCase(one.charCodeAt(at)) !== lowerCase(other.charCodeAt(at))) return false;
  }
  return true;
}

function lowerCase(character: number): number {
  return character >= 0x41 && character <= 0x5a ? character | 0x20 : character;
}

const utf8 = new TextDecoder();

/**
 * The octets from `start` to `end` as text, each octet one character of the same number.
 *
 * `TextDecoder("latin1")` would not do: by the encoding standard it is windows-1252.
 *
 * @param isAscii Whether it is known that every octet is below 0x80, so that it is UTF-8.
 */
export function decodeLatin1(
  octets: Uint8Array,
  start: number,
  end: number,
  isAscii: boolean,
): string {
  if (isAscii) return utf8.decode(octets.subarray(start, end));
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(octets[at]!);
  return text;
}

/** The octets of a text whose characters are all below 0x100: the reverse of {@linkcode decodeLatin1}. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) octets[at] = text.charCodeAt(at);
  return octets;
}
