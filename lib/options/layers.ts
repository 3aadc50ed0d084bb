// Where flags come from: the command line, the environment and a file, in this order. What a layer
// says counts more than what the next ones say.

import { distance } from "fastest-levenshtein"; // the usual distance of two words, alone and typed
import { ALL_FLAGS, type Flag, type FlagName, FLAGS } from "./flags.ts";
import { printable, UsageError } from "./values.ts";

/** What is served at `/`, where flags have their names. */
const PATH = "path";

/** Flags that belong to a command line alone. */
const ONLY_ARGUMENTS: ReadonlySet<string> = new Set(["help", "version", "completions"]);

/** A name that a layer may have. */
export type LayerName = FlagName | typeof PATH;

/** The values of flags, as the command line would have them; none for a flag that is turned off. */
export type Layer = ReadonlyMap<string, readonly string[]>;

/** The names of the environment and of files. */
export function layerNames(): LayerName[] {
  return [PATH, ...ALL_FLAGS.map(([name]) => name).filter((name) => !ONLY_ARGUMENTS.has(name))];
}

/** The name of the variable of a flag. */
export function variableOf(name: LayerName): string {
  return `WIRESERVE_${name.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * The layers as one. A layer also hides what its flags exclude in the next ones: a path on the command
 * line counts, not the directory of a file.
 */
export function combine(layers: readonly Layer[]): {
  readonly given: Readonly<Record<FlagName, readonly string[]>>;
  readonly path: string | null;
} {
  const all = new Map<string, readonly string[]>();
  for (const layer of layers) {
    const above = [...all.keys()];
    for (const [name, values] of layer) {
      if (!above.some((other) => other === name || areExclusive(other, name))) {
        all.set(name, values);
      }
    }
  }
  const given = ALL_FLAGS.map(([name]) => [name, all.get(name) ?? []] as const);
  return {
    given: Object.fromEntries(given) as unknown as Record<FlagName, readonly string[]>,
    path: all.get(PATH)?.at(-1) ?? null,
  };
}

function areExclusive(one: string, other: string): boolean {
  if ([one, other].sort().join() === "directory,path") return true;
  const excludes = (name: string): readonly string[] =>
    name === PATH ? [] : (FLAGS[name as FlagName] as Flag).excludes ?? [];
  return excludes(one).includes(other) || excludes(other).includes(one);
}

/**
 * What the environment says.
 *
 * @param read Returns the value of a variable, or undefined.
 * @throws {UsageError} for a flag that is neither on nor off.
 */
export function readEnvironment(read: (variable: string) => string | undefined): Layer {
  const layer = new Map<string, readonly string[]>();
  for (const name of layerNames()) {
    const variable = variableOf(name);
    const value = read(variable);
    // Kubernetes sets WIRESERVE_PORT for a service of this name.
    if (value === undefined || value === "" || /^tcp:\/\//.test(value)) continue;
    layer.set(name, valuesOf(name, value, variable));
  }
  return layer;
}

function valuesOf(name: LayerName, text: string, variable: string): readonly string[] {
  const { value } = flagOf(name);
  if (value?.isList) return text.split("\n").filter((line) => line !== "");
  if (value !== undefined) return [text];
  if (/^(?:1|true|yes|on)$/i.test(text)) return [""];
  if (/^(?:0|false|no|off)$/i.test(text)) return [];
  throw new UsageError(`${variable} takes true or false, not ${printable(text)}`);
}

function flagOf(name: LayerName): Flag {
  return name === PATH ? { group: "Files", help: "", value: { name: "PATH" } } : FLAGS[name];
}

/**
 * What a file says: a JSON object with the names of flags.
 *
 * @param source The path of the file, for messages.
 * @throws {UsageError} for what is no such object.
 */
export function readConfig(text: string, source: string): Layer {
  const where = `--config ${printable(source)}`;
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${where} is no JSON: ${(error as Error).message}`);
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new UsageError(`${where} is no JSON object with the names of flags`);
  }
  const layer = new Map<string, readonly string[]>();
  const names: readonly string[] = layerNames().filter((name) => name !== "config");
  for (const [name, value] of Object.entries(config)) {
    if (name === "$schema") continue;
    if (!names.includes(name)) {
      throw new UsageError(`${where}: unknown name ${printable(name)}${suggestion(name, "")}`);
    }
    layer.set(name, configValues(name as LayerName, value, where));
  }
  return layer;
}

function configValues(name: LayerName, value: unknown, where: string): readonly string[] {
  const { value: taken } = flagOf(name);
  if (taken === undefined) {
    if (typeof value === "boolean") return value ? [""] : [];
    throw new UsageError(`${where}: ${name} takes true or false`);
  }
  const values = taken.isList && Array.isArray(value) ? value : [value];
  const isText = (each: unknown) =>
    typeof each === "string" && each !== "" || typeof each === "number";
  if (values.every(isText)) return values.map(String);
  const kind = taken.isList ? "a text, or an array of texts" : "a text or a number";
  throw new UsageError(`${where}: ${name} takes ${kind}`);
}

/** Changes of a character that still look like a typing error. */
const MAX_DISTANCE = 2;

/** `: did you mean --port?` for an argument that is nearly a flag, else an empty text. */
export function suggestion(argument: string, dashes = "--"): string {
  const word = argument.replace(/^-+/, "").replace(/[=].*$/s, "").toLowerCase();
  if (word.length < 2) return "";
  const names = [...dashes === "" ? [PATH] : [], ...ALL_FLAGS.map(([name]) => name)];
  const begins = names.filter((name) => word.length > 2 && name.startsWith(word));
  const near = names.map((name) => [distance(word, name), name] as const)
    .filter(([changes, name]) => changes <= Math.min(MAX_DISTANCE, name.length / 2))
    .sort(([one], [other]) => one - other);
  const best = begins[0] ?? near[0]?.[1];
  return best === undefined ? "" : `: did you mean ${dashes}${best}?`;
}
