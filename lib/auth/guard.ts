// The middleware that asks for names and passwords: Basic authentication (RFC 7617), and what each
// user may do. It stands behind the router: the name of a file is the one that the handlers use.

import { destinationOf } from "../http/destination.ts";
import type { Handler, HttpRequest, HttpResponse } from "../http/message.ts";
import { StatusError } from "../http/status.ts";
import { decodePath } from "../http/target.ts";
import { type Credentials, credentialsOf } from "../middleware/basic_auth.ts";
import type { Middleware } from "../middleware/middleware.ts";
import { networkOf } from "../middleware/rate_limit.ts";
import type { Route } from "../router.ts";
import { Access, type Mode, MODES, type Rule, type Scope } from "./access.ts";
import { Attempts } from "./attempts.ts";
import { Passwords } from "./passwords.ts";
import type { User } from "./users.ts";

/** Who may do what. */
export interface AuthOptions {
  readonly users: readonly User[];
  readonly scope: Scope;
  readonly rules: readonly Rule[];
}

const CHALLENGE = { "WWW-Authenticate": 'Basic realm="files", charset="UTF-8"' };

const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Parameters of a folder's query that concern everything below it. */
const DEEP_PARAMETERS = ["q", "zip", "tar", "count"];

/**
 * The query of a folder that asks for a password. A browser sends it from then on for all below that
 * folder (RFC 7617 section 2.2).
 */
const SIGN_IN = "sign-in";

/** Asks for names and passwords. */
export class Authentication {
  readonly #passwords: Passwords;
  readonly #access: Access;
  readonly #hasRules: boolean;
  readonly #attempts = new Attempts();

  constructor({ users, scope, rules }: AuthOptions) {
    this.#passwords = new Passwords(users);
    this.#access = new Access(rules, scope);
    this.#hasRules = rules.length > 0;
  }

  /** Knows these users from now on, and no others. */
  replaceUsers(users: readonly User[]): void {
    this.#passwords.replace(users);
  }

  /** The middleware around the handlers of files, whose names are in the parameter `name`. */
  get guard(): Middleware {
    return (next) =>
      this.#signedIn((request, user) => {
        if (request.query === SIGN_IN && READING.has(request.method)) return signIn(user);
        this.#check(request, user);
        return next(request);
      });
  }

  /** Whether the client of a request that has passed the guard may read a file. */
  mayRead({ user }: HttpRequest, name: string): boolean {
    return this.#access.modeOf(user, name, false) !== "none";
  }

  /** Whether the client of a request that has passed the guard may write to a folder. */
  mayWrite({ user }: HttpRequest, name: string): boolean {
    return this.#access.modeOf(user, name, false) === "rw";
  }

  /**
   * The routes by which a page signs in and out, below the path of the files.
   *
   * @param base That path, with a slash at its end.
   */
  routes(base: string): readonly Route[] {
    const signIn: Handler = () => ({ status: 303, fields: { "Location": `${base}?${SIGN_IN}` } });
    // Only a refusal makes a browser forget a password.
    const signOut: Handler = () => {
      throw new StatusError(401, "You are signed out.", CHALLENGE);
    };
    return [
      { method: "GET", path: `${base}.wireserve/sign-in`, handler: signIn },
      { method: "GET", path: `${base}.wireserve/sign-out`, handler: signOut },
    ];
  }

  /** Calls a handler with the user of a request, or null without a password. */
  #signedIn(
    next: (request: HttpRequest, user: string | null) => HttpResponse | Promise<HttpResponse>,
  ): Handler {
    const enter = (request: HttpRequest, user: string) => {
      request.user = user;
      return next(request, user);
    };
    return (request) => {
      const given = credentialsOf(request.fields);
      if (given === null) return next(request, null);
      if (this.#passwords.remembers(given)) return enter(request, given.user);
      return this.#isRight(request, given).then((isRight) => {
        if (!isRight) throw unauthorized();
        return enter(request, given.user);
      });
    };
  }

  async #isRight(request: HttpRequest, given: Credentials): Promise<boolean> {
    // A browser asks for several things at once, with the same password.
    const pending = this.#passwords.pending(given);
    if (pending !== null) return await pending;
    const client = networkOf(request);
    this.#attempts.begin(client);
    let isRight = true; // What fails for another reason is no wrong password.
    try {
      return isRight = await this.#passwords.check(given);
    } finally {
      this.#attempts.end(client, isRight);
    }
  }

  /** @throws {StatusError} 401 or 403 for what the user may not do. */
  #check(request: HttpRequest, user: string | null): void {
    const needed: Mode = READING.has(request.method) ? "ro" : "rw";
    for (const { name, isDeep, mode } of this.#uses(request, needed)) {
      const allowed = this.#access.modeOf(user, name, isDeep && this.#hasRules);
      if (MODES.indexOf(allowed) >= MODES.indexOf(mode)) continue;
      if (user === null) throw unauthorized();
      throw new StatusError(403, "You are not allowed to do this here.");
    }
  }

  /** The names that a request uses, and how. */
  *#uses(
    { method, path, query, parameters, fields, authority }: HttpRequest,
    mode: Mode,
  ): Generator<{ readonly name: string; readonly isDeep: boolean; readonly mode: Mode }> {
    const name = parameters["name"] ?? "";
    const isFolder = name === "" || name.endsWith("/");
    const isDeep = method === "DELETE" || method === "MOVE" || method === "COPY" ||
      method === "POST" && isFolder || isDeepQuery(query);
    yield { name, isDeep, mode };
    if (!this.#hasRules) return;
    if (isFolder && mode === "ro") yield { name: `${name}index.html`, isDeep: false, mode };
    if (!fields.has("Destination")) return;
    const base = decodePath(path).slice(0, -name.length || undefined);
    const target = decodePath(destinationOf(fields, authority));
    // Elsewhere, the handler refuses it.
    if (target.startsWith(base)) {
      yield { name: target.slice(base.length), isDeep: true, mode: "rw" };
    }
  }
}

/** Leads to the folder itself, by a relative URL: a path may begin with two slashes. */
function signIn(user: string | null): HttpResponse {
  if (user === null) throw unauthorized();
  return { status: 303, fields: { "Location": "./", "Cache-Control": "no-store" } };
}

/** By the names as the handlers read them, with their escapes. */
function isDeepQuery(query: string | null): boolean {
  if (query === null) return false;
  const parameters = new URLSearchParams(query);
  return DEEP_PARAMETERS.some((name) => parameters.has(name));
}

function unauthorized(): StatusError {
  return new StatusError(401, "A name and a password are needed.", CHALLENGE);
}
