// The methods that have a meaning to everybody (RFC 9110 section 9, RFC 5789).

/** The standard methods. */
export const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "DELETE",
  "CONNECT",
  "OPTIONS",
  "TRACE",
  "PATCH",
] as const;

/** Whether a request's content means nothing (RFC 9110 section 9.3): no response is made of it. */
export function ignoresContent(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "DELETE" || method === "OPTIONS";
}
