// The state of a connection: exactly the transitions of the table, and one close reason.

import { assertEquals, assertThrows } from "@std/assert";
import {
  CLOSE_REASONS,
  type ConnectionEvent,
  ConnectionState,
  TRANSITIONS,
} from "../../lib/http/connection_state.ts";

const EVENTS = Object.keys(TRANSITIONS) as ConnectionEvent[];

/** The events that lead to each state that there is, from the first. */
function reachableStates(): Map<string, ConnectionEvent[]> {
  const found = new Map<string, ConnectionEvent[]>([["head idle", []]]);
  for (const [, path] of found) {
    for (const event of EVENTS) {
      const state = after([...path, event]);
      const key = state === null ? null : `${state.reading} ${state.writing}`;
      if (key !== null && !found.has(key)) found.set(key, [...path, event]);
    }
  }
  return found;
}

/** The state after some events, or null where one of them cannot happen. */
function after(events: readonly ConnectionEvent[]): ConnectionState | null {
  const state = new ConnectionState();
  try {
    for (const event of events) state.on(event);
    return state;
  } catch {
    return null;
  }
}

Deno.test("ConnectionState.on() follows the table, and nothing else", () => {
  for (const path of reachableStates().values()) {
    const before = after(path)!;
    if (before.isClosed) continue;
    for (const event of EVENTS) {
      const { reading, writing } = TRANSITIONS[event];
      const isPossible = (reading === undefined || before.reading in reading) &&
        (writing === undefined || before.writing in writing);
      const state = after([...path, event]);
      assertEquals(state !== null, isPossible, `${event} after ${path}`);
      if (state === null) continue;
      assertEquals(state.reading, reading?.[before.reading] ?? before.reading);
      assertEquals(state.writing, writing?.[before.writing] ?? before.writing);
    }
  }
});

Deno.test("ConnectionState.on() leaves the state alone where an event cannot happen", () => {
  const state = new ConnectionState();
  for (const event of ["end of response", "end of content", "next request"] as const) {
    assertThrows(() => state.on(event), TypeError, event);
    assertEquals([state.reading, state.writing], ["head", "idle"]);
  }
});

Deno.test("ConnectionState comes back to its first state after each request", () => {
  const state = new ConnectionState();
  const cycles: readonly (readonly ConnectionEvent[])[] = [
    ["request", "response", "end of response"],
    ["request with content", "end of content", "response", "end of response"],
    ["request with content", "response", "end of content", "end of response"],
    ["request with content", "response", "end of response", "end of content"],
  ];
  for (const cycle of cycles) {
    for (const event of [...cycle, "next request"] as const) state.on(event);
    assertEquals([state.reading, state.writing], ["head", "idle"]);
  }
});

Deno.test("ConnectionState.close() keeps the first reason, and an abort replaces it once", () => {
  for (const first of CLOSE_REASONS) {
    const state = new ConnectionState();
    state.close(first, "after response");
    state.close("max-requests", "after response");
    assertEquals([state.closeReason, state.isClosed], [first, false]);
    state.close("client-gone", "abort");
    assertEquals([state.closeReason, state.isClosed], ["client-gone", true]);
    state.close("drain", "abort");
    state.close("timeout", "after response");
    assertEquals(state.closeReason, "client-gone");
  }
});

Deno.test("ConnectionState has no transitions after an abort", () => {
  const state = new ConnectionState();
  state.close("timeout", "abort");
  for (const event of EVENTS) {
    state.on(event);
    assertEquals([state.reading, state.writing], ["closed", "closed"]);
  }
});
