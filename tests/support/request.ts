// The one builder of requests that tests send over bare sockets.

/**
 * The head of an HTTP/1.1 request, each character one byte. Content is appended by the test.
 *
 * @param line Method and target: `GET /files/a`.
 * @param headers Further field lines, without their line ends.
 */
export function request(line: string, ...headers: readonly string[]): string {
  return head(line, "Host: h", ...headers);
}

/** The same for the program, which serves files for names of this machine only. */
export function localRequest(line: string, ...headers: readonly string[]): string {
  return head(line, "Host: localhost", ...headers);
}

function head(line: string, ...headers: readonly string[]): string {
  return [`${line} HTTP/1.1`, ...headers, "", ""].join("\r\n");
}
