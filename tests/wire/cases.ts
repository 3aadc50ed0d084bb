// All wire cases. A new rule of the protocol starts as a row in one of these tables.

import type { WireCase } from "./case.ts";
import { chunkedCases } from "./chunked_cases.ts";
import { connectionCases } from "./connection_cases.ts";
import { framingCases } from "./framing_cases.ts";
import { headCases } from "./head_cases.ts";
import { targetCases } from "./target_cases.ts";

export const wireCases: readonly WireCase[] = [
  ...headCases,
  ...targetCases,
  ...framingCases,
  ...chunkedCases,
  ...connectionCases,
];
