// Who may sign in: users of the command line, and of a file as htpasswd(1) writes it.

/** A user. A secret is a password, or its hash by bcrypt or Argon2. */
export interface User {
  readonly name: string;
  readonly secret: string;
}

/** What bcrypt and Argon2 write. */
const HASH =
  /^\$(?:2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}|argon2(?:id|i|d)\$v=19\$m=[0-9]{1,7},t=[0-9]{1,3},p=[0-9]{1,2}\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+)$/;

/** Whether a secret is a hash, which takes long to compare on purpose. */
export function isHash(secret: string): boolean {
  return HASH.test(secret);
}

/** Whether a name can be sent (RFC 7617 section 2), and stand in the log. */
export function isUserName(name: string): boolean {
  return /^[^:\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,255}$/u.test(name);
}

/**
 * The users of a file: `NAME:HASH` a line, with empty lines and comments. Of two with one name, the
 * first one counts, as for Apache.
 *
 * @throws {RangeError} for a line that is none; the message has its number, and nothing of it.
 */
export function parseUsers(text: string): User[] {
  const users = new Map<string, User>();
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const [name, secret] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1)];
    if (!isUserName(name) || !isHash(secret)) {
      throw new RangeError(
        `line ${index + 1} is not NAME:HASH with bcrypt (htpasswd -B) or Argon2`,
      );
    }
    if (!users.has(name)) users.set(name, { name, secret });
  }
  return [...users.values()];
}
