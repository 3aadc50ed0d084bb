// Dates of RFC 9110 section 5.6.7. A moment is a number: milliseconds since 1970, UTC.

/**
 * The IMF-fixdate of a moment, as `Date` and `Last-Modified` carry it.
 *
 * @param moment Milliseconds since 1970-01-01T00:00:00Z, in the years 1 to 9999.
 */
export function formatDate(moment: number): string {
  return new Date(moment).toUTCString();
}
