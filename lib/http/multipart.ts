// multipart/form-data (RFC 7578), part by part while it is received. The packages that do this have
// each part in memory as a whole, or leave out a malformed part without a word.

import { type Content, pieces } from "./content.ts";
import { FieldScanner } from "./field_scanner.ts";
import type { Fields } from "./fields.ts";
import type { MessageLimits } from "./limits.ts";
import { StatusError } from "./status.ts";
import { CR, encodeLatin1, isBlank, LF } from "./syntax.ts";

/** Octets and lines of the fields of one part: a few lines, one of them with a file name. */
const PART_LIMITS: MessageLimits = Object.freeze({
  requestLine: 0,
  fieldSection: 8192,
  fieldCount: 32,
  content: 0,
  chunkOverhead: 0,
});

const DASH = 0x2d;

/**
 * One part of a form.
 *
 * @example
 * ```ts
 * import { collect, type FormPart } from "@wireserve/wireserve/http";
 *
 * const textOf = async ({ content }: FormPart) =>
 *   new TextDecoder().decode(await collect(content, 1 << 20));
 * ```
 */
export interface FormPart {
  /** The name of the form's field. */
  readonly name: string;
  /** The name of a file as sent, with its path if there is one; null for another value. */
  readonly fileName: string | null;
  /** The fields of the part, `Content-Type` for instance. */
  readonly fields: Fields;
  /** To be read before the next part is asked for. What is not read is discarded. */
  readonly content: Content;
}

/**
 * The boundary in the value of a Content-Type, or null for another type than multipart/form-data.
 *
 * @throws {StatusError} 400 for a form without a valid boundary (RFC 2046 section 5.1.1).
 *
 * @example
 * ```ts
 * import { boundaryOf } from "@wireserve/wireserve/http";
 *
 * console.log(boundaryOf("multipart/form-data; boundary=abc")); // abc
 * ```
 */
export function boundaryOf(contentType: string | null): string | null {
  if (contentType === null || !isForm(contentType)) return null;
  const [, quoted, token] =
    /;[ \t]*boundary=(?:"([^"\\]*)"|([^\s;",]+))[ \t]*(?:;|$)/i.exec(contentType) ?? [];
  const boundary = quoted ?? token ?? "";
  // RFC 2046 section 5.1.1
  if (/^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/.test(boundary)) return boundary;
  throw new StatusError(400, "The Content-Type of the form has no valid boundary.");
}

/** Whether a Content-Type is that of a form with files. */
export function isForm(contentType: string | null): boolean {
  return /^multipart\/form-data[ \t]*(?:;|$)/i.test(contentType ?? "");
}

/**
 * The parts of a form with files (RFC 7578), in order, none of which is in memory as a whole. Nothing is
 * repaired: a malformed form is an error.
 *
 * @example
 * ```ts
 * import { boundaryOf, FormReader, fromStream } from "@wireserve/wireserve/http";
 *
 * const form = new FormData();
 * form.set("file", new File(["abc"], "a.txt"));
 * const { body, headers } = new Response(form);
 * const reader = new FormReader(fromStream(body!), boundaryOf(headers.get("Content-Type"))!);
 * for (let part = await reader.next(); part !== null; part = await reader.next()) {
 *   console.log(part.name, part.fileName); // file a.txt
 * }
 * ```
 */
export class FormReader {
  readonly #content: Content;
  /** The line end before a delimiter belongs to it (RFC 2046 section 5.1.1). */
  readonly #delimiter: Uint8Array;
  /** Octets that have been received and not used, from `#at`. The first delimiter needs its CRLF. */
  #octets: Uint8Array = Uint8Array.of(CR, LF);
  #at = 0;
  /** Whether the rest of the octets, as far as they are received, is content of the part. */
  #isInPart = true;
  #isFirst = true;
  #isDone = false;

  /**
   * A reader of a form. It reads as much of the content as its parts are read.
   *
   * @param content The content of the request.
   * @param boundary What {@linkcode boundaryOf} finds.
   */
  constructor(content: Content, boundary: string) {
    this.#content = content;
    this.#delimiter = encodeLatin1(`\r\n--${boundary}`);
  }

  /**
   * The next part, or null after the last one.
   *
   * @throws {StatusError} 400 where the form is malformed, and what reading the content throws.
   */
  async next(): Promise<FormPart | null> {
    if (this.#isDone) return null;
    for (let piece = await this.#read(); piece !== null; piece = await this.#read()) {
      if (this.#isFirst) throw malformed("does not begin with its boundary");
    }
    this.#isFirst = false;
    if (await this.#isClosed()) {
      this.#isDone = true;
      while (await this.#content.read() !== null); // What follows means nothing.
      return null;
    }
    const fields = await this.#readFields();
    const { name, fileName } = describe(fields);
    this.#isInPart = true;
    return { name, fileName, fields, content: this.#contentOfPart() };
  }

  #contentOfPart(): Content {
    const content: Content = {
      length: null,
      read: () => this.#read(),
      close(): void {},
      [Symbol.asyncIterator]: () => pieces(content),
    };
    return content;
  }

  /** The next octets of the part, or null at its end, where its delimiter has been read. */
  async #read(): Promise<Uint8Array | null> {
    while (this.#isInPart) {
      const [end, isFound] = this.#find();
      const piece = this.#octets.subarray(this.#at, end);
      this.#at = end;
      if (isFound) {
        this.#isInPart = false;
        this.#at += this.#delimiter.length;
      }
      if (piece.length > 0) return piece;
      if (!isFound) await this.#receive();
    }
    return null;
  }

  /** Where the delimiter begins, or may begin with the next octets. Its CR is nowhere else in it. */
  #find(): [end: number, isFound: boolean] {
    const [octets, delimiter] = [this.#octets, this.#delimiter];
    for (let at = octets.indexOf(CR, this.#at); at >= 0; at = octets.indexOf(CR, at + 1)) {
      let length = 1;
      while (length < delimiter.length && octets[at + length] === delimiter[length]) length++;
      if (length === delimiter.length) return [at, true];
      if (at + length === octets.length) return [at, false];
    }
    return [octets.length, false];
  }

  /** Adds the next octets to those that are left. @throws {StatusError} 400 at the end. */
  async #receive(): Promise<void> {
    const rest = this.#octets.slice(this.#at); // Reading may overwrite them.
    const piece = await this.#content.read();
    if (piece === null) throw malformed("ends too early");
    this.#at = 0;
    if (rest.length === 0) {
      this.#octets = piece;
      return;
    }
    this.#octets = new Uint8Array(rest.length + piece.length);
    this.#octets.set(rest);
    this.#octets.set(piece, rest.length);
  }

  async #octet(): Promise<number> {
    while (this.#at === this.#octets.length) await this.#receive();
    return this.#octets[this.#at++]!;
  }

  /** Reads what follows a boundary: two dashes after the last part, else the end of the line. */
  async #isClosed(): Promise<boolean> {
    let octet = await this.#octet();
    if (octet === DASH && await this.#octet() === DASH) return true;
    for (let blanks = 0; isBlank(octet) && blanks < 64; blanks++) octet = await this.#octet();
    if (octet !== CR || await this.#octet() !== LF) throw malformed("has a malformed boundary");
    return false;
  }

  async #readFields(): Promise<Fields> {
    const scanner = new FieldScanner(PART_LIMITS);
    scanner.begin();
    for (;;) {
      const length = scanner.scan(this.#octets, this.#at, this.#octets.length);
      if (length !== null) {
        const fields = scanner.fieldsOf(scanner.decode(this.#octets, this.#at));
        this.#at += length;
        return fields;
      }
      await this.#receive();
    }
  }
}

function malformed(problem: string): StatusError {
  return new StatusError(400, `The form ${problem}.`);
}

const PARAMETER = /^;[ \t]*([A-Za-z]+\*?)=(?:"((?:[^"\\]|\\[^])*)"|([^\s;"]+))[ \t]*/;

/** The names in the Content-Disposition of a part. */
function describe(fields: Fields): Pick<FormPart, "name" | "fileName"> {
  const value = fields.get("Content-Disposition") ?? "";
  const [type = ""] = /^form-data[ \t]*/i.exec(value) ?? [];
  if (type === "") throw malformed("has a part without Content-Disposition: form-data");
  const parameters = new Map<string, string>();
  for (let rest = value.slice(type.length); rest !== "";) {
    const [whole, name, quoted, token] = PARAMETER.exec(rest) ?? [];
    if (whole === undefined || parameters.has(name!.toLowerCase())) {
      throw malformed("has a part with a malformed Content-Disposition");
    }
    parameters.set(name!.toLowerCase(), quoted === undefined ? token! : unquote(quoted));
    rest = rest.slice(whole.length);
  }
  const name = parameters.get("name");
  if (name === undefined) throw malformed("has a part without a name");
  const extended = parameters.get("filename*");
  const fileName = extended === undefined ? parameters.get("filename") : decodeExtended(extended);
  return { name: decodeUtf8(name), fileName: fileName === undefined ? null : decodeUtf8(fileName) };
}

/**
 * Browsers escape quotes and line ends by percent (the HTML standard, "multipart/form-data"), other
 * clients by a backslash, which in `C:\a` is none.
 */
function unquote(text: string): string {
  return text.replace(/\\(["\\])/g, "$1")
    .replace(/%(22|0A|0D)/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** `UTF-8''na%C3%AFve` (RFC 8187), which RFC 7578 forbids and old clients send. */
function decodeExtended(value: string): string {
  const [, text] = /^utf-8'[^']*'((?:[!#$&+\-.^_`|~0-9A-Za-z]|%[0-9A-Fa-f]{2})*)$/i.exec(value) ??
    [];
  if (text === undefined) throw malformed("has a part with a malformed Content-Disposition");
  return text.replace(
    /%(..)/g,
    (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Names are UTF-8 (RFC 7578 section 5.1). */
function decodeUtf8(octets: string): string {
  try {
    return utf8.decode(encodeLatin1(octets));
  } catch {
    throw malformed("has a name that is not UTF-8");
  }
}
