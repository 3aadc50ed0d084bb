// Basic authentication (RFC 7617).

import { Buffer } from "node:buffer"; // decodes base64 as it is written, padded or not
import { createHash, timingSafeEqual } from "node:crypto";
import type { Fields } from "../http/fields.ts";
import { StatusError } from "../http/status.ts";
import type { Middleware } from "./middleware.ts";

/**
 * A name and a password as a client sends them.
 *
 * @example
 * ```ts
 * import type { Credentials } from "@wireserve/wireserve/middleware";
 *
 * const isGuest = ({ user }: Credentials) => user === "guest";
 * console.log(isGuest({ user: "guest", password: "" })); // true
 * ```
 */
export interface Credentials {
  /** The name, which has no colon. */
  readonly user: string;
  /** The password. */
  readonly password: string;
}

/**
 * Who is let in.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { type BasicAuthOptions, basicAuth, chain } from "@wireserve/wireserve/middleware";
 *
 * const options: BasicAuthOptions = { users: { ann: "secret" }, realm: "photos" };
 * const handler = webHandler(chain(() => ({ status: 204 }), basicAuth(options)));
 * console.log((await handler(new Request("http://localhost/"))).status); // 401
 * ```
 */
export interface BasicAuthOptions {
  /** Passwords by name; or a function that checks both, with the same work for unknown names. */
  readonly users:
    | Readonly<Record<string, string>>
    | ((credentials: Credentials) => boolean | Promise<boolean>);
  /** What the browser shows when it asks. Visible ASCII without quotes. `files` by default. */
  readonly realm?: string | undefined;
}

/**
 * The name and password that a request has, or null. Both are read as UTF-8.
 *
 * @param fields The fields of the request.
 *
 * @example
 * ```ts
 * import { Fields } from "@wireserve/wireserve";
 * import { credentialsOf } from "@wireserve/wireserve/middleware";
 *
 * const fields = new Fields([["Authorization", `Basic ${btoa("ann:secret")}`]]);
 * console.log(credentialsOf(fields)?.user); // ann
 * ```
 */
export function credentialsOf(fields: Fields): Credentials | null {
  const [, token] = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(fields.get("Authorization") ?? "") ??
    [];
  if (token === undefined) return null;
  const text = Buffer.from(token, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * Lets only those in who have a name and a password; others get 401 before their content is read.
 * Without TLS, everyone on the way can read both.
 *
 * @throws {TypeError} for a realm that cannot be sent.
 *
 * @example
 * ```ts
 * import { webHandler } from "@wireserve/wireserve";
 * import { basicAuth, chain } from "@wireserve/wireserve/middleware";
 *
 * const handler = webHandler(chain(
 *   () => ({ status: 200, content: "Hello" }),
 *   basicAuth({ users: { ann: "secret" } }),
 * ));
 * const headers = { "Authorization": `Basic ${btoa("ann:secret")}` };
 * console.log((await handler(new Request("http://localhost/", { headers }))).status); // 200
 * ```
 */
export function basicAuth({ users, realm = "files" }: BasicAuthOptions): Middleware {
  if (!/^[\x20-\x7e]*$/.test(realm) || /["\\]/.test(realm)) {
    throw new TypeError(`The realm ${JSON.stringify(realm)} cannot be sent`);
  }
  const challenge = { "WWW-Authenticate": `Basic realm="${realm}", charset="UTF-8"` };
  const isValid = typeof users === "function" ? users : checkerOf(users);
  return (next) => async (request) => {
    const credentials = credentialsOf(request.fields);
    if (credentials === null || !await isValid(credentials)) {
      throw new StatusError(401, "A name and a password are needed.", challenge);
    }
    request.user = credentials.user;
    return await next(request);
  };
}

/** Compares digests in constant time, for an unknown name as well. */
function checkerOf(users: Readonly<Record<string, string>>): (given: Credentials) => boolean {
  const digests = new Map(Object.entries(users).map(([user, text]) => [user, digestOf(text)]));
  const nobody = digestOf(crypto.randomUUID());
  return ({ user, password }) => {
    const isSame = timingSafeEqual(digests.get(user) ?? nobody, digestOf(password));
    return isSame && digests.has(user);
  };
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
