// The callbacks of the program that runs a server. One that throws harms nothing else.

import { errorResponse, type HttpRequest, type HttpResponse } from "../http/message.ts";
import type { StatusError } from "../http/status.ts";
import { type DescriptorBudget, isOutOfDescriptors } from "./descriptors.ts";
import type { LogRecord } from "./exchange.ts";

/**
 * Where a server listens.
 *
 * @example
 * ```ts
 * import { type ListenAddress, serve } from "@wireserve/wireserve";
 *
 * const onListen = (address: ListenAddress) => console.log(address.url.startsWith("http://")); // true
 * await using server = serve(() => ({ status: 204 }), { port: 0, onListen });
 * ```
 */
export interface ListenAddress {
  /** The host name or address that it was given; the path of a Unix socket. */
  readonly hostname: string;
  /** The TCP port; 0 for a Unix socket. */
  readonly port: number;
  /** The URL of the server, from this machine; `unix:` and a path for a Unix socket. */
  readonly url: string;
}

/**
 * What a server reports, and asks. What a callback throws is reported to `onError` once.
 *
 * @example
 * ```ts
 * import { serve, type ServeCallbacks } from "@wireserve/wireserve";
 *
 * const callbacks: ServeCallbacks = {
 *   onError: () => ({ status: 500, content: "It is our fault." }),
 * };
 * const fail = () => {
 *   throw new Error("as expected");
 * };
 * await using server = serve(fail, { port: 0, ...callbacks });
 * console.log(await (await fetch(server.url)).text()); // It is our fault.
 * ```
 */
export interface ServeCallbacks {
  /** The server listens: it is called before `serve` returns. */
  readonly onListen?: ((address: ListenAddress) => void) | undefined;
  /** A connection has been opened by the peer at this address. */
  readonly onOpen?: ((peer: string) => void) | undefined;
  /** A connection has been closed, by either side. */
  readonly onClose?: ((peer: string) => void) | undefined;
  /** A request has ended, well or badly. */
  readonly onRequest?: ((record: LogRecord) => void) | undefined;
  /**
   * A handler, its content or another callback has failed, or no connection could be accepted: a
   * fault of the program or of the machine, not of the client. By default one line on stderr names
   * the request, and the error follows.
   *
   * @param request The request that was being answered, or null.
   * @returns A response in place of the 500, which counts where the handler has failed.
   */
  readonly onError?:
    | ((
      error: unknown,
      request: HttpRequest | null,
    ) => HttpResponse | void | Promise<HttpResponse | void>)
    | undefined;
  /** A client speaks TLS on a plain port, or no TLS on a port for TLS. */
  readonly onProtocolMismatch?: ((peer: string, problem: string) => void) | undefined;
  /**
   * The page of an error: of one that a handler or the router has thrown, of a request that could
   * not be read, or of a 500. Its fields and its content count, which is text or bytes. The status and
   * the fields of the error remain, and if it fails, the error is sent as plain text.
   *
   * @param request The request, or null where its head could not be read.
   */
  readonly errorPage?:
    | ((error: StatusError, request: HttpRequest | null) => Omit<HttpResponse, "status">)
    | undefined;
}

/** The callbacks as the server calls them: complete, and no call throws. */
export interface GuardedCallbacks {
  onListen(address: ListenAddress): void;
  onOpen(peer: string): void;
  onClose(peer: string): void;
  /** Null where no records are wanted, so that none are made. */
  readonly onRequest: ((record: LogRecord) => void) | null;
  /** Returns what the callback has returned; a promise of it does not reject. */
  onError(error: unknown, request: HttpRequest | null): unknown;
  onProtocolMismatch(peer: string, problem: string): void;
  errorPage(error: StatusError, request: HttpRequest | null): HttpResponse;
}

/**
 * Completes callbacks and guards them: what one throws is reported once, as an error. Errors go to
 * stderr where `onError` is missing or throws itself.
 *
 * @param descriptors Frees some descriptors while an error is reported, perhaps with its stack.
 */
export function guardCallbacks(
  callbacks: ServeCallbacks,
  descriptors: Pick<DescriptorBudget, "withFree">,
): GuardedCallbacks {
  const report = (error: unknown, request: HttpRequest | null): unknown => {
    const fail = (failure: unknown) => console.error(error, failure);
    try {
      if (!callbacks.onError) return print(error, request);
      const answer: unknown = callbacks.onError(error, request);
      return answer instanceof Promise ? answer.catch(fail) : answer;
    } catch (failure) {
      return fail(failure);
    }
  };
  const onError = (error: unknown, request: HttpRequest | null): unknown =>
    descriptors.withFree(() => report(error, request));
  const guard = <T extends unknown[]>(callback: ((...values: T) => void) | undefined) =>
  (
    ...values: T
  ): void => {
    try {
      callback?.(...values);
    } catch (error) {
      onError(error, null);
    }
  };
  const { onListen, onOpen, onClose, onRequest, onProtocolMismatch, errorPage } = callbacks;
  return {
    onListen: guard(onListen),
    onOpen: guard(onOpen),
    onClose: guard(onClose),
    onRequest: onRequest ? guard(onRequest) : null,
    onError,
    onProtocolMismatch: guard(onProtocolMismatch),
    errorPage(error, request): HttpResponse {
      const plain = errorResponse(error);
      if (!errorPage) return plain;
      try {
        return { ...plain, ...checkPage(errorPage(error, request), error), status: error.status };
      } catch (failure) {
        onError(failure, request);
        return plain;
      }
    },
  };
}

/** The page with the fields of the error. @throws {TypeError} for what is no page. */
function checkPage(page: unknown, { fields }: StatusError): Omit<HttpResponse, "status"> {
  if (typeof page !== "object" || page === null || page instanceof Promise) {
    throw new TypeError(`errorPage returned ${String(page)}: it returns { fields, content }`);
  }
  const given = page as Omit<HttpResponse, "status">;
  const { content = "" } = given;
  if (typeof content !== "string" && !(content instanceof Uint8Array)) {
    throw new TypeError("The content of an errorPage is text or bytes");
  }
  return { fields: { ...given.fields, ...fields }, content };
}

/** A shortage of descriptors is one line: it concerns the machine, and no line of the program. */
function print(error: unknown, request: HttpRequest | null): void {
  if (isOutOfDescriptors(error)) console.error(`wireserve: ${(error as Error).message}`);
  else if (request === null) console.error(error);
  else console.error(`wireserve: ${request.method} ${request.path} (${request.id}):`, error);
}
