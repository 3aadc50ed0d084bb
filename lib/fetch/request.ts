// A web Request over a native one. Each part is made when it is asked for: a `new Request` with its
// headers costs 3 us, and most handlers look at the method and the path alone.

import { collect, toStream } from "../http/content.ts";
import type { HttpRequest } from "../http/message.ts";
import { StatusError } from "../http/status.ts";

/**
 * What the content of a request fails with, for instance 413. Frameworks that look for
 * `getResponse`, as Hono does, answer with it.
 */
class ContentError extends StatusError {
  constructor({ status, message, fields }: StatusError) {
    super(status, message, fields);
  }

  /** The response that the error stands for. */
  getResponse(): Response {
    const headers = new Headers({ "Content-Type": "text/plain" });
    for (const [name, value] of Object.entries(this.fields)) {
      for (const each of [value].flat()) headers.append(name, each);
    }
    return new Response(`${this.message}\n`, { status: this.status, headers });
  }
}

/** Paths and queries that a URL parser would leave as they are. */
const NORMAL_TARGET = /^\/(?:(?!\.|%2e)[\w~!$&()*+,;=:@%.-]*\/?)*(?:\?[\w~!$&()*+,;=:@%./?-]*)?$/i;

/** Names of hosts, and addresses, that it would leave as they are. */
const NORMAL_HOST =
  /^(?:[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*|127\.0\.0\.1)(?::(?!80$|443$)[1-9]\d{0,4})?$/;

/** Where a request of HTTP/1.0 has no Host field. */
const NO_AUTHORITY = "localhost";

/** @throws {StatusError} 400 for a host that no URL can have. */
function urlOf({ authority, path, query, isSecure }: HttpRequest): string {
  const target = (path === "*" ? "/*" : path) + (query === null ? "" : `?${query}`);
  const host = authority ?? NO_AUTHORITY;
  const url = `${isSecure ? "https" : "http"}://${host}${target}`;
  if (NORMAL_HOST.test(host) && NORMAL_TARGET.test(target)) return url;
  const parsed = URL.parse(url);
  if (parsed === null) throw new StatusError(400, "The host of the request is not valid.");
  return parsed.href;
}

/** Reads the content as text (Encoding Standard, "UTF-8 decode"). */
const utf8 = new TextDecoder();

/**
 * A request whose parts are made on demand. It has the prototype of Request, and where the runtime
 * looks for internal slots it finds those of a real Request, so that `fetch(request)`, `new
 * Request(request)` and methods that are not here work as well.
 */
class LazyRequest {
  readonly #request: HttpRequest;
  #url: string | null = null;
  #headers: Headers | null = null;
  #real: Request | null = null;
  /** Whether the content was read without a real request. */
  #isUsed = false;

  constructor(request: HttpRequest) {
    this.#request = request;
  }

  /** The native request behind a web request, or null where that is of another origin. */
  static nativeOf(request: object): HttpRequest | null {
    return #request in request ? request.#request : null;
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    return this.#url ??= urlOf(this.#request);
  }

  get headers(): Headers {
    return this.#headers ??= new Headers([...this.#request.fields] as [string, string][]);
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return this.#hasBody ? this.real.body : null;
  }

  get bodyUsed(): boolean {
    return this.#isUsed || (this.#real?.bodyUsed ?? false);
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#isUnread ? this.#collect() : this.real.bytes();
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#isUnread ? (await this.#collect()).buffer : await this.real.arrayBuffer();
  }

  async text(): Promise<string> {
    return this.#isUnread ? utf8.decode(await this.#collect()) : await this.real.text();
  }

  async json(): Promise<unknown> {
    return this.#isUnread ? JSON.parse(await this.text()) : await this.real.json();
  }

  /** The real request that it stands for. */
  get real(): Request {
    return this.#real ??= this.#makeReal();
  }

  /** GET and HEAD have no body here: a web Request cannot have it. */
  get #hasBody(): boolean {
    const { method, framing } = this.#request;
    return framing.type !== "none" && method !== "GET" && method !== "HEAD";
  }

  get #isUnread(): boolean {
    return this.#real === null && !this.#isUsed && this.#hasBody;
  }

  #collect(): Promise<Uint8Array<ArrayBuffer>> {
    this.#isUsed = true;
    return collect(this.#request.content, Infinity).catch((error) => {
      throw toContentError(error);
    });
  }

  #makeReal(): Request {
    const { method, signal, content } = this.#request;
    const init: RequestInit = { method, headers: this.headers, signal };
    if (method === "TRACE") init.method = "GET"; // No web request can have this method.
    if (!this.#hasBody) return new Request(this.url, init);
    if (!this.#isUsed) {
      const pieces = toStream(content, toContentError);
      return new Request(this.url, { ...init, body: pieces, duplex: "half" } as RequestInit);
    }
    const request = new Request(this.url, { ...init, body: "" });
    request.text(); // It counts as used from now on.
    return request;
  }
}

function toContentError(error: unknown): unknown {
  return error instanceof StatusError ? new ContentError(error) : error;
}

Object.setPrototypeOf(LazyRequest.prototype, Request.prototype);

// The runtime keeps the state of a Request under symbols of its own.
for (const slot of Object.getOwnPropertySymbols(new Request("http://localhost/"))) {
  Object.defineProperty(LazyRequest.prototype, slot, {
    get(this: LazyRequest): unknown {
      return Reflect.get(this.real, slot);
    },
    set(this: LazyRequest, value: unknown): void {
      Reflect.set(this.real, slot, value);
    },
  });
}

/** The native request that a web request stands for, or null where it is another one or a copy. */
export function httpRequestOf(request: Request): HttpRequest | null {
  return LazyRequest.nativeOf(request);
}

/** The web request that a native request is. Its content can be read through one of them only. */
export function toRequest(request: HttpRequest): Request {
  return new LazyRequest(request) as unknown as Request;
}
