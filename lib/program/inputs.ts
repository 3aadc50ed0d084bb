// The files that the options name: what is served, the log, the certificate, the users.

import { LogFile } from "../access_log/log_file.ts";
import { parseUsers, type User } from "../auth/users.ts";
import { Root } from "../files/root.ts";
import type { Options, SignInOptions, TlsFiles } from "../options/parse.ts";
import { printable, UsageError } from "../options/values.ts";
import type { Certificate } from "../server/listener.ts";
import { messageOf, StartupError } from "./startup_error.ts";

/** The options with all users, those of the file as well. @throws {StartupError} */
export async function withUsers(options: Options): Promise<Options> {
  const { auth } = options;
  return auth === null ? options : { ...options, auth: { ...auth, users: await readUsers(auth) } };
}

/** The users of the command line and of the file. */
export async function readUsers({ users, file }: SignInOptions): Promise<readonly User[]> {
  if (file === null) return users;
  const text = await readText(file);
  try {
    const found = parseUsers(text);
    if (found.length > 0) return [...found, ...users];
  } catch (error) {
    throw new StartupError(`--auth-file ${printable(file)}: ${messageOf(error)}`);
  }
  throw new StartupError(`--auth-file ${printable(file)}: it has no users`);
}

/** @throws {StartupError} for files that cannot be read, or are swapped. */
export async function readCertificate({ certificate, key }: TlsFiles): Promise<Certificate> {
  const [cert, secret] = [await readText(certificate), await readText(key)];
  if (/PRIVATE KEY-----/.test(cert) && /BEGIN CERTIFICATE-----/.test(secret)) {
    throw new StartupError("the files of --tls-cert and --tls-key are swapped");
  }
  return { cert, key: secret };
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw new StartupError(`cannot read ${JSON.stringify(path)}: ${messageOf(error)}`);
  }
}

/** @throws {StartupError} for a log that cannot be written. */
export async function openLog(path: string): Promise<LogFile> {
  try {
    return await LogFile.open(path);
  } catch (error) {
    throw new StartupError(`cannot write the log ${JSON.stringify(path)}: ${messageOf(error)}`);
  }
}

/** The options with the folder of a path that is a file, which is the only one to be served. */
export function withPlace(options: Options): Options {
  const { site, directory: path, files } = options;
  if (site === null || path === null || !isFile(path)) return options;
  if (!files.isReadOnly) {
    throw new UsageError(`--writable needs a folder, and ${printable(path)} is a file`);
  }
  const [, folder = "", file = path] = /^(.*\/)?([^/]+)$/s.exec(path) ?? [];
  return {
    ...options,
    directory: folder === "" ? "." : folder.replace(/(?<=.)\/$/, ""),
    site: { ...site, file },
    files: { ...files, showsHidden: true, hasIndex: false, hasFallback: false },
  };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // Missing, or not permitted: what follows says so.
  }
}

/** @throws {UsageError} for what cannot be served. */
export function openDirectory({ directory: path, files, site }: Options): Root | null {
  if (path === null) return null;
  try {
    return new Root(path, files.showsHidden);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    const kind = site === null ? "is not a directory" : "is neither a folder nor a file";
    const problem = isMissing ? kind : `cannot be served: ${messageOf(error)}`;
    const flag = site === null ? "--directory " : "";
    throw new UsageError(`${flag}${printable(path)} ${problem}`);
  }
}
