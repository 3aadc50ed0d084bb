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
