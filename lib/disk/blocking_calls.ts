// Calls that may never return, as those on a network file system. Deno runs them on 32 threads of
// each isolate, which also write the log, compute digests and resolve names: these calls get only a
// part of the threads, and each can have a deadline.

import { StatusError } from "../http/status.ts";

/** Calls at the same time, of the 32 that an isolate of Deno can run. */
const MAX_CALLS = 24;

/** Milliseconds that a call may take, its time in the queue included. */
const CALL_TIMEOUT = 10_000;

/** How often deadlines are checked: so many times within {@linkcode CALL_TIMEOUT}. */
const CHECKS_PER_TIMEOUT = 20;

/** 503 for a call that has passed its deadline. It may have an effect later. */
export class UnresponsiveError extends StatusError {
  /** Resolves when the call has returned after all; it has already if the call was not made. */
  readonly returned: Promise<void>;

  constructor(returned: Promise<void> = Promise.resolve()) {
    super(503, "The disk does not answer: try again later.", { "Retry-After": "10" });
    this.returned = returned;
  }
}

/** Options of one call. */
export interface CallOptions<T> {
  /** Milliseconds instead of the usual. Infinity for what is to be done whenever that is possible. */
  readonly timeout?: number;
  /** Releases a result that has come after the deadline. */
  readonly dispose?: (late: T) => void;
}

/** A call that has not returned. */
interface Call {
  readonly startedAt: number;
  readonly timeout: number;
  readonly begin: () => void;
  readonly reject: (error: UnresponsiveError) => void;
  /** Resolved when it returns after its deadline. Null before the deadline. */
  late: PromiseWithResolvers<void> | null;
}

function hasDeadline({ timeout, late }: Call): boolean {
  return timeout !== Infinity && late === null;
}

/**
 * Makes calls on other threads, a limited number at a time. While nothing returns at all, one call
 * at a time tries whether that is still so, and all others fail at once.
 */
export class BlockingCalls {
  readonly #limit: number;
  #timeout: number;
  /** Calls that wait for a thread. */
  readonly #queue = new Set<Call>();
  /** Calls that occupy a thread, the late ones included. */
  readonly #running = new Set<Call>();
  #lateCount = 0;
  #isStalled = false;
  #lastReturn = -Infinity;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param timeout Milliseconds for each call. Infinity for no deadlines, whatever a call's own. */
  constructor(limit: number = MAX_CALLS, timeout: number = Infinity) {
    this.#limit = limit;
    this.#timeout = timeout;
  }

  /** From now on, calls have deadlines. */
  setDeadlines(): void {
    this.#timeout = CALL_TIMEOUT;
  }

  /** The number of calls that have not returned, including those that wait for a thread. */
  get pending(): number {
    return this.#queue.size + this.#running.size;
  }

  /**
   * Makes a call as soon as there is a thread for it.
   *
   * @throws {UnresponsiveError} after the deadline, and what the call throws.
   */
  run<T>(call: () => Promise<T>, { timeout, dispose }: CallOptions<T> = {}): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const entry: Call = {
      startedAt: performance.now(),
      timeout: this.#timeout === Infinity ? Infinity : timeout ?? this.#timeout,
      begin: () => {
        call().then((value) => {
          if (entry.late !== null) dispose?.(value);
          this.#end(entry);
          resolve(value);
        }, (error) => {
          this.#end(entry);
          reject(error);
        });
      },
      reject,
      late: null,
    };
    if (hasDeadline(entry)) {
      if (this.#isHopeless()) return Promise.reject(new UnresponsiveError());
      this.#timer ??= setInterval(() => this.#check(), this.#timeout / CHECKS_PER_TIMEOUT);
    }
    this.#queue.add(entry);
    this.#beginNext();
    return promise;
  }

  #beginNext(): void {
    for (const call of this.#queue) {
      if (this.#running.size >= this.#limit) return;
      this.#queue.delete(call);
      this.#running.add(call);
      call.begin();
    }
  }

  #end(call: Call): void {
    this.#running.delete(call);
    if (call.late !== null) this.#lateCount--;
    call.late?.resolve();
    this.#isStalled = false;
    this.#lastReturn = performance.now();
    this.#beginNext();
    this.#stopTimer();
  }

  /** Whether a further call could do no more than wait for its deadline. */
  #isHopeless(): boolean {
    if (!this.#isStalled) return false;
    return this.#lateCount === this.#limit || this.#calls().some(hasDeadline);
  }

  /** Begins with the oldest. */
  *#calls(): Generator<Call> {
    yield* this.#running;
    yield* this.#queue;
  }

  #check(): void {
    const now = performance.now();
    for (const call of this.#calls().filter(hasDeadline)) {
      // While nothing returns, there is no reason for a longer deadline.
      const timeout = this.#isStalled ? Math.min(call.timeout, this.#timeout) : call.timeout;
      if (now < call.startedAt + timeout) continue;
      if (this.#lastReturn < call.startedAt) this.#isStalled = true;
      this.#fail(call);
    }
    this.#stopTimer();
  }

  #fail(call: Call): void {
    if (this.#queue.delete(call)) return call.reject(new UnresponsiveError());
    call.late = Promise.withResolvers();
    this.#lateCount++;
    call.reject(new UnresponsiveError(call.late.promise));
  }

  #stopTimer(): void {
    if (this.#timer === undefined || this.#calls().some(hasDeadline)) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** The calls of this isolate, which share its threads. */
export const blockingCalls: BlockingCalls = new BlockingCalls();
