// The part of the signature of jsr:@std/cli's parseArgs that the program uses.
export interface ParseOptions<TBooleans, TStrings> {
  boolean?: TBooleans | ReadonlyArray<TBooleans>;
  string?: TStrings | ReadonlyArray<TStrings>;
  alias?: Record<string, string | ReadonlyArray<string>>;
  default?: Record<string, unknown>;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

export type Args<TBooleans extends string, TStrings extends string> =
  & { [K in TBooleans]: boolean }
  & { [K in TStrings]?: string }
  & { _: Array<string | number> };

export declare function parseArgs<
  TBooleans extends string,
  TStrings extends string,
>(
  args: string[],
  options?: ParseOptions<TBooleans, TStrings>,
): Args<TBooleans, TStrings>;
