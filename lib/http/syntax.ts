// Octets and lexical rules of all parts of a message (RFC 9110 section 5.6, RFC 9112 section 2.2).

/** The octets that the grammar names. */
export const CR = 0x0d,
  LF = 0x0a,
  HTAB = 0x09,
  SP = 0x20,
  DQUOTE = 0x22,
  COLON = 0x3a,
  SEMICOLON = 0x3b,
  EQUALS = 0x3d,
  BACKSLASH = 0x5c;

/** The classes of octets, one bit each. */
export const TOKEN = 1, // RFC 9110 section 5.6.2
  FIELD_VALUE = 2, // visible, blank, tab or obs-text (RFC 9110 section 5.5)
  TARGET = 4, // visible ASCII without "#" (RFC 9112 section 3.2)
  HEX_DIGIT = 8;

const OCTET_CLASSES: Readonly<Uint8Array> = classify();

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
  table[0x23]! &= ~TARGET; // "#": a fragment is not sent (RFC 9110 section 7.1).
  for (const [from, to] of ["09", "AF", "af"]) {
    add(HEX_DIGIT, from!.charCodeAt(0), to!.charCodeAt(0));
  }
  return table;
}

/** Whether an octet is of a class. */
export function isOctet(octet: number, octetClass: number): boolean {
  return (OCTET_CLASSES[octet]! & octetClass) !== 0;
}

const TOKEN_PATTERN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether `text` is a token (RFC 9110 section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN_PATTERN.test(text);
}

const FIELD_VALUE_PATTERN = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether `text` can be a field value: it has no control characters but tabs. */
export function isFieldValue(text: string): boolean {
  return FIELD_VALUE_PATTERN.test(text);
}

const BEYOND_ASCII = /[\x80-\uffff]/;

/** Whether all characters of `text` are ASCII. */
export function isAscii(text: string): boolean {
  return !BEYOND_ASCII.test(text);
}

/** `text` without the spaces and tabs around it: `String.trim` would remove more. */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

/** Whether `octet` is a space or a tab (OWS). */
export function isBlank(octet: number): boolean {
  return octet === SP || octet === HTAB;
}

/** Whether two names are the same but for the case of ASCII letters. */
export function isSameName(one: string, other: string): boolean {
  return one.length === other.length && (one === other || hasNameAt(one, 0, other));
}

/** Whether `text` has this name at an offset, in any case. */
export function hasNameAt(text: string, offset: number, name: string): boolean {
  for (let at = 0; at < name.length; at++) {
    const [one, other] = [text.charCodeAt(offset + at), name.charCodeAt(at)];
    if (one !== other && lowerCase(one) !== lowerCase(other)) return false;
  }
  return true;
}

function lowerCase(character: number): number {
  return character >= 0x41 && character <= 0x5a ? character | 0x20 : character;
}

const utf8 = new TextDecoder();

/**
 * The octets from `start` to `end` as text, each one character of the same number. `isAscii` says
 * that all are ASCII. `TextDecoder("latin1")` would decode windows-1252.
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

/** The reverse of {@linkcode decodeLatin1}, for characters below 0x100. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) octets[at] = text.charCodeAt(at);
  return octets;
}
