import type { HttpRequest } from "../http/message.ts";
import type { ListingPage } from "./view.ts";

/** How the files of a directory may be used, as the command line says. */
export interface FileSettings {
  /** Whether nothing may be written. Default false. */
  readonly isReadOnly: boolean;
  /** Whether files may be deleted. Default false. */
  readonly allowsDelete: boolean;
  /** Whether an existing file may be replaced. Default true. */
  readonly allowsReplace: boolean;
  /** Whether names that begin with a dot are served, listed and written. Default false. */
  readonly showsHidden: boolean;
  /** Whether the media type follows from the name; else it is `application/octet-stream`. */
  readonly guessesTypes: boolean;
  /** Whether a folder with an index.html is answered with that. Default false. */
  readonly hasIndex?: boolean;
  /** Whether a missing file without a dot in its name is answered with /index.html. Default false. */
  readonly hasFallback?: boolean;
  /** Whether files may run script with the rights of this origin. Default false: no uploads. */
  readonly isTrusted?: boolean;
  /** Whether a listing is plain text for curl and the like without a preference, else a page. */
  readonly listsAsText?: boolean;
  /** Whether the client of a request may read a file that it has not asked for by its path. */
  readonly mayRead?: (request: HttpRequest, name: string) => boolean;
  /** Whether the client of a request may write to a folder, as far as writing is allowed at all. */
  readonly mayWrite?: (request: HttpRequest, name: string) => boolean;
  /** The page of a folder; by default one without script. */
  readonly page?: ListingPage;
  /** Whether a file is on the disk, not just in the system's memory, before its 201 or 204. */
  readonly isDurable: boolean;
}

/** The defaults of {@linkcode FileSettings}. */
export const DEFAULT_FILE_SETTINGS: FileSettings = Object.freeze({
  isReadOnly: false,
  allowsDelete: false,
  allowsReplace: true,
  showsHidden: false,
  guessesTypes: false,
  isDurable: true,
});
