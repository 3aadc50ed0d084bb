// Dates (RFC 9110 section 5.6.7). A moment is a number of milliseconds since 1970, UTC.

/**
 * The IMF-fixdate of a moment in the years 1 to 9999.
 *
 * @example
 * ```ts
 * import { formatDate } from "@wireserve/wireserve/http";
 *
 * console.log(formatDate(0)); // Thu, 01 Jan 1970 00:00:00 GMT
 * ```
 */
export function formatDate(moment: number): string {
  return new Date(moment).toUTCString();
}

const MONTHS: readonly string[] = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const SHORT_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const LONG_DAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)";
const MONTH = `(?<month>${MONTHS.join("|")})`;
const TIME = "(?<hour>[0-9]{2}):(?<minute>[0-9]{2}):(?<second>[0-9]{2})";

const FORMATS: readonly RegExp[] = [
  `${SHORT_DAY}, (?<day>[0-9]{2}) ${MONTH} (?<year>[0-9]{4}) ${TIME} GMT`, // IMF-fixdate
  `${LONG_DAY}, (?<day>[0-9]{2})-${MONTH}-(?<year>[0-9]{2}) ${TIME} GMT`, // RFC 850
  `${SHORT_DAY} ${MONTH} (?<day>[0-9]{2}| [0-9]) ${TIME} (?<year>[0-9]{4})`, // asctime
].map((source) => new RegExp(`^${source}$`));

/**
 * The moment of a date in any of the three formats, or null. `now` decides the century of RFC 850.
 *
 * @example
 * ```ts
 * import { parseDate } from "@wireserve/wireserve/http";
 *
 * console.log(parseDate("Thu, 01 Jan 1970 00:00:01 GMT", Date.now())); // 1000
 * ```
 */
export function parseDate(text: string, now: number): number | null {
  for (const format of FORMATS) {
    const parts = format.exec(text)?.groups;
    if (parts !== undefined) return momentOf(parts, now);
  }
  return null;
}

function momentOf(parts: Readonly<Record<string, string>>, now: number): number | null {
  const number = (name: string): number => Number(parts[name]);
  const [day, hour, minute] = [number("day"), number("hour"), number("minute")];
  const second = number("second");
  const month = MONTHS.indexOf(parts["month"]!);
  const year = fullYear(parts["year"]!, now);
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  // setUTCFullYear() makes February 30 a day of March.
  const isValid = date.getUTCDate() === day && hour < 24 && minute < 60 && second <= 60;
  return isValid ? date.getTime() + 1000 * (3600 * hour + 60 * minute + second) : null;
}

/** Of two digits: a year more than fifty years ahead is one of the last century. */
function fullYear(year: string, now: number): number {
  if (year.length === 4) return Number(year);
  const thisYear = new Date(now).getUTCFullYear();
  const inThisCentury = thisYear - thisYear % 100 + Number(year);
  return inThisCentury > thisYear + 50 ? inThisCentury - 100 : inThisCentury;
}

/** A formatter that is called once a second at most: all moments of a second get its text. */
export function oncePerSecond(format: (moment: number) => string): (moment: number) => string {
  let second = NaN;
  let text = "";
  return (moment) => {
    const now = Math.floor(moment / 1000);
    if (now !== second) {
      second = now;
      text = format(1000 * now);
    }
    return text;
  };
}
