// The JSON Schema of configuration files, for editors, made from the table of flags. Run by itself
// (`deno task schema`), it writes docs/config.schema.json.

import { ALL_FLAGS, type Flag } from "./flags.ts";
import { layerNames } from "./layers.ts";

/** The schema, as docs/config.schema.json has it. */
export function configSchema(): string {
  const names: readonly string[] = layerNames().filter((name) => name !== "config");
  const flags = ALL_FLAGS.filter(([name]) => names.includes(name));
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Configuration of Wireserve",
    type: "object",
    additionalProperties: false,
    properties: {
      $schema: { type: "string" },
      path: { type: "string", minLength: 1, description: "Serve the files of this folder at /." },
      ...Object.fromEntries(flags.map(([name, flag]) => [name, property(flag)])),
    },
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function property({ help, value }: Flag): Record<string, unknown> {
  const description = `${help.charAt(0).toUpperCase()}${help.slice(1)}.`;
  if (value === undefined) return { type: "boolean", default: false, description };
  const { completes, isList } = value;
  const single = {
    ...(typeof completes === "object" && completes.length > 1
      ? { enum: completes }
      : { type: ["string", "number"] }),
    ...(value.default !== undefined && { default: value.default }),
  };
  if (!isList) return { ...single, description };
  return { anyOf: [single, { type: "array", items: single }], description };
}

if (import.meta.main) {
  await Deno.writeTextFile(
    new URL("../../docs/config.schema.json", import.meta.url),
    configSchema(),
  );
}
