// `deno task conformance`: the wire cases against Wireserve, against the server of a URL, or against
// all servers that are installed.

import { wireCases } from "../wire/cases.ts";
import { HELP, parseOptions, UsageError } from "./options.ts";
import { peerSummary, withPeers } from "./peer_report.ts";
import { jsonReport, type ServerReport, tally, textReport } from "./report.ts";
import { runCases, type Target } from "./run.ts";
import { ALL, type Recipe, versionOf, WIRESERVE, withServer } from "./servers.ts";

const DOCUMENT = new URL("../../docs/conformance-peers.md", import.meta.url);

async function main(): Promise<number> {
  const options = orUsage();
  if (options === null) return 2;
  const { target, peers, updatesDocs, json, timeout, help } = options;
  if (help) {
    console.log(HELP.trimEnd());
    return 0;
  }
  const reports: ServerReport[] = [];
  const missing: Recipe[] = [];
  if (target !== null) {
    reports.push(await reportOf(nameOf(target), "", target, timeout));
  }
  for (const recipe of target !== null ? [] : peers ? ALL : [WIRESERVE]) {
    const version = await versionOf(recipe);
    if (version === null) missing.push(recipe);
    else {
      reports.push(
        await withServer(recipe, (each) => reportOf(recipe.name, version, each, timeout)),
      );
    }
  }
  console.log(reports.map(textReport).join("\n\n"));
  if (peers) console.log(`\n${peerSummary(reports, missing)}`);
  if (json !== null) await Deno.writeTextFile(json, jsonReport(reports));
  if (updatesDocs) await updateDocument(reports, missing);
  // With --peers, only Wireserve is this project's to mend.
  return tallyFails(reports[0]!) ? 1 : 0;
}

function orUsage() {
  try {
    return parseOptions(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`conformance: ${error.message} (--help shows the flags)`);
    return null;
  }
}

function nameOf({ hostname, port, isSecure }: Target): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${isSecure ? "https" : "http"}://${host}:${port}`;
}

async function reportOf(
  name: string,
  version: string,
  target: Target,
  timeout: number,
): Promise<ServerReport> {
  return { name, version, results: await runCases(wireCases, target, timeout) };
}

function tallyFails({ results }: ServerReport): boolean {
  const { passed, run } = tally(results, "MUST");
  return passed < run;
}

async function updateDocument(
  reports: readonly ServerReport[],
  missing: readonly Recipe[],
): Promise<void> {
  const document = await Deno.readTextFile(DOCUMENT);
  await Deno.writeTextFile(DOCUMENT, withPeers(document, reports, missing));
  await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", DOCUMENT.pathname] }).output();
}

if (import.meta.main) Deno.exit(await main());
