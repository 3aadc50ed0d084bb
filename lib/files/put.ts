// PUT and POST. An upload is written to a temporary file in the directory of its name, and appears
// there by one rename or link: readers find the old file or the new one, never a part. The
// temporary file is locked, so that the removal of stale uploads spares it.

import type { Content } from "../http/content.ts";
import type { HttpRequest, HttpResponse } from "../http/message.ts";
import { isForm } from "../http/multipart.ts";
import type { Validators } from "../http/preconditions.ts";
import { StatusError } from "../http/status.ts";
import { DigestCheck } from "./digest.ts";
import { BufferedWriter } from "./file_body.ts";
import { checkSpace, cleanUp, type FileHandle, join, parentOf, sync } from "../disk/file_system.ts";
import { withCommitLock, withLock, withSync } from "./lock.ts";
import {
  invalidName,
  leadsOutside,
  nameOf,
  type Root,
  temporaryName,
  type UploadTarget,
} from "./root.ts";
import type { FileSettings } from "./settings.ts";
import {
  checkPreconditions,
  currentValidators,
  requiresNewFile,
  validatorFields,
  validatorsOf,
  validatorsOfAll,
  type WriteConditions,
} from "./validators.ts";

/** Attempts to begin an upload whose directory is removed by others meanwhile. */
const BEGIN_ATTEMPTS = 8;

/** What is stored as a file, and how. */
export interface StoreOptions {
  readonly content: Content;
  /** Checked before the content is read, and again, alone with the name, at the commit. */
  readonly conditions: WriteConditions;
  /** Checks the content. */
  readonly digest: DigestCheck;
  /** Whether the file has to survive a power failure. */
  readonly isDurable: boolean;
  /** Whether the content was sent, even if it is empty: nothing must empty a file by accident. */
  readonly isFramed?: boolean;
}

/** A stored file. */
export interface StoredFile {
  /** In bytes. */
  readonly size: number;
  /** Whether no file of this name existed. */
  readonly isNew: boolean;
  readonly validators: Validators;
}

/** Stores the content of a request: 201, or 204 where PUT has replaced a file. */
export async function putFile(
  root: Root,
  request: HttpRequest,
  { allowsReplace, isDurable }: Pick<FileSettings, "allowsReplace" | "isDurable">,
): Promise<HttpResponse> {
  const { method, fields, content } = request;
  const name = nameOf(request, invalidName);
  checkHead(request);
  if (isForm(fields.get("Content-Type"))) throw formToFile();
  const digest = await DigestCheck.of(fields);
  const conditions = { method, fields, allowsReplace };
  const { isNew, validators } = await storeFile(root, name, {
    content,
    conditions,
    digest,
    isDurable,
    isFramed: request.framing.type !== "none",
  });
  const status = method === "PUT" && !isNew ? 204 : 201;
  return { status, fields: { "Location": request.path, ...validatorFields(validators) } };
}

/** The error for a form where the content of a file was meant. */
export function formToFile(): StatusError {
  return new StatusError(
    415,
    "A form is sent to a folder, with a slash at the end of the path. To a file's name, send the file.",
  );
}

/** Rejects what no content could make valid. */
export function checkHead({ fields, framing, minorVersion }: HttpRequest): void {
  if (minorVersion === 0 && framing.type === "none") {
    // Before HTTP/1.1, content could also end with the connection (RFC 1945 section 7.2.2).
    throw new StatusError(411, "An upload by HTTP/1.0 needs the header Content-Length.");
  }
  const coding = fields.get("Content-Encoding");
  if (coding !== null && coding !== "" && coding.toLowerCase() !== "identity") {
    const accepted = { "Accept-Encoding": "identity" };
    throw new StatusError(
      415,
      "Compressed uploads are not supported: send the file itself.",
      accepted,
    );
  }
  if (fields.has("Content-Range")) { // RFC 9110 section 14.5
    throw new StatusError(400, "Partial uploads are not supported: send the whole file.");
  }
}

/**
 * Stores content as a file. It is streamed.
 *
 * @throws {StatusError} where the name, the content or a condition does not allow it.
 */
export async function storeFile(
  root: Root,
  name: string,
  options: StoreOptions,
): Promise<StoredFile> {
  const upload = await begin(root, name, options);
  let isStored = false;
  let failure: unknown = null;
  try {
    const info = await fill(root, upload.file, options);
    const { path } = upload.target;
    const directories = options.isDurable ? changedDirectories(root, upload.target) : [];
    const isNew = await withSync(root.fs, directories, async () => {
      const isNew = await withLock(
        path,
        () => withCommitLock(root.fs, path, () => commit(root, upload, options)),
      );
      isStored = true;
      return isNew;
    });
    return { size: info.size, isNew, validators: validatorsOf(info) };
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    upload.file.close(); // Not earlier: without its lock the file would count as stale.
    await cleanUp(failure, async () => {
      if (!isStored) await root.removeTemporary(upload.temporary);
      await root.releaseUploadTarget(upload.target, isStored);
    });
  }
}

interface Upload {
  readonly target: UploadTarget;
  readonly temporary: string;
  readonly file: FileHandle;
}

/** Another upload that fails may remove the directories it has created: then this one retries. */
async function begin(
  root: Root,
  name: string,
  { content, conditions, isFramed = true }: StoreOptions,
): Promise<Upload> {
  await root.retryRemovals();
  for (let attempt = 1;; attempt++) {
    try {
      const target = await root.resolveUploadTarget(name);
      try {
        const directory = parentOf(target.path);
        const current = await validatorsOfAll(target.path, target.found, root.fs);
        checkPreconditions(conditions, current, Date.now());
        if (current !== null && !isFramed) { // RFC 9110 section 15.5.12
          const message = "To empty this file, send Content-Length: 0.";
          throw new StatusError(411, message);
        }
        await checkSpace(directory, content.length);
        return { target, ...await openTemporary(root, directory) };
      } catch (error) {
        await cleanUp(error, () => root.releaseUploadTarget(target, false));
        throw error;
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || attempt === BEGIN_ATTEMPTS) throw error;
    }
  }
}

/** @throws {Deno.errors.NotFound} where the file or its directory is gone: the upload may retry. */
async function openTemporary(
  root: Root,
  directory: string,
): Promise<Pick<Upload, "temporary" | "file">> {
  const { fs } = root;
  const temporary = join(directory, temporaryName());
  const file = await fs.open(temporary, { write: true, createNew: true });
  try {
    const isLocked = await fs.tryLock(file);
    // In the root itself, no directory on the way can be a link.
    const checks = directory === root.path ? 1 : undefined;
    const isThere = isLocked && await fs.isAt(temporary, await fs.fstat(file), checks);
    if (isThere) return { temporary, file };
    // Without the lock, the removal of stale uploads came first and removes the file.
    const real = isLocked ? await fs.realPath(temporary) : null;
    if (real !== null && real !== temporary) throw leadsOutside();
    throw new Deno.errors.NotFound("The temporary file was removed");
  } catch (error) {
    file.close();
    await cleanUp(error, () => root.removeTemporary(temporary));
    throw error;
  }
}

/** Writes the content to the temporary file, and returns the file's state then. */
async function fill(
  { fs }: Root,
  file: FileHandle,
  { content, digest, isDurable }: StoreOptions,
): Promise<Deno.FileInfo> {
  const writer = new BufferedWriter(fs, file, content.length);
  try {
    for await (const piece of content) {
      digest.update(piece);
      await writer.write(piece);
    }
    await writer.flush();
  } finally {
    await writer.close();
  }
  digest.verify();
  if (isDurable) await sync(file);
  return await fs.fstat(file);
}

/** Gives the temporary file its name, and returns whether the name is new. */
async function commit(
  root: Root,
  { target: { path }, temporary }: Upload,
  { conditions }: StoreOptions,
): Promise<boolean> {
  const check = (current: Validators | null) => checkPreconditions(conditions, current, Date.now());
  const current = await currentValidators(path, root.fs);
  check(current);
  if (!requiresNewFile(conditions)) {
    await root.fs.rename(temporary, path);
    return current === null;
  }
  try {
    await root.fs.link(temporary, path); // Of all processes that link the same name, one succeeds.
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) check(await currentValidators(path, root.fs));
    throw error;
  }
  await root.removeTemporary(temporary);
  return true;
}

/** The directories in which names are new: of the file, and of the directories created for it. */
function changedDirectories(root: Root, { path, directories }: UploadTarget): Set<string> {
  return new Set([
    parentOf(path),
    ...directories.filter((each) => root.isNew(each)).map(parentOf),
  ]);
}
