// Fairness on the one thread. An operation that can be completed at once (a read of a socket with
// bytes, a write into a buffer with room, a read of a cached file, a compression) never gives way
// to the event loop: 200 clients of compressed files stopped all others for seconds.

/** Milliseconds that heavy work may go on until it gives way, which costs 0.2. */
const SLICE = 2;

/**
 * Turns of the event loop in which the runtime polls its sockets once, if it has work of its own in
 * each of them. That is the `event_interval` of tokio. A timer has them polled in 1 to 2 ms; a job
 * on another thread has them polled only if it ends while nothing else is to be done.
 */
const TURNS_PER_POLL = 61;

/** Waits for so many turns of the event loop, or until a condition holds. */
function turns(count: number, isOver: () => boolean = () => false): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let turn = 0;
  const next = () => {
    if (turn++ < count && !isOver()) setImmediate(next);
    else resolve();
  };
  next();
  return promise;
}

/**
 * Connections and requests in one poll, above which the sockets are polled again before heavy work
 * goes on: the runtime completes 128 operations for each poll, and more have been waiting.
 */
const MAX_LIGHT = 32;

/** Polls between two slices at most. */
const MAX_POLLS = 8;

/** A step of heavy work that waits. */
interface Step {
  readonly cost: number;
  readonly begin: () => void;
}

/**
 * Lets heavy work give way. Whenever the sockets have been polled, it continues some of what waits,
 * of one client after the other; what is light never waits, and runs in between.
 */
class Scheduler {
  /** Milliseconds of the slice that are left, by the estimates of those who took them. */
  #left = SLICE;
  #isRunning = false;
  /** Connections that were opened, and requests that have begun, so far. */
  #light = 0;
  /** What waits, by client; the client whose turn is next comes first. */
  readonly #waiting = new Map<string, Step[]>();

  /**
   * Takes time of the slice. Time that is taken before the work begins cannot be taken twice,
   * while a clock does not move before the first of a hundred has done its work.
   *
   * @param cost About as many milliseconds as the next step takes.
   * @returns Whether there was enough; if not, the step has to wait for its {@linkcode turn}.
   */
  take(cost: number): boolean {
    if (this.#left < cost) return false;
    this.#left -= cost;
    return true;
  }

  /** Counts light work. */
  count(): void {
    this.#light++;
  }

  /**
   * Resolves when the sockets have been polled and the step may begin.
   *
   * @param cost As for {@linkcode take}.
   * @param client For whom the work is done, where that is known: a client with a thousand
   * connections has its turns as often as one with a single connection.
   */
  turn(cost: number, client = ""): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const step = { cost, begin: resolve };
    const steps = this.#waiting.get(client);
    if (steps === undefined) this.#waiting.set(client, [step]);
    else steps.push(step);
    if (!this.#isRunning) this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.size > 0) {
      for (let polls = 0; polls < MAX_POLLS; polls++) {
        const before = this.#light;
        await turns(TURNS_PER_POLL);
        if (this.#light - before < MAX_LIGHT) break;
      }
      this.#left = SLICE;
      this.#beginSteps();
    }
    this.#isRunning = false;
  }

  /** Begins what waits, until the slice is used up. */
  #beginSteps(): void {
    for (const [client, steps] of this.#waiting) {
      const { cost, begin } = steps.shift()!;
      this.#left -= cost;
      begin();
      this.#waiting.delete(client);
      if (steps.length > 0) this.#waiting.set(client, steps); // The iteration comes to it again.
      if (this.#left <= 0) return;
    }
  }
}

/** The scheduler of this thread. */
export const scheduler: Scheduler = new Scheduler();

/**
 * Connections that may be served in one round before it matters who is served again. The runtime
 * completes 128 operations in one turn, a read and a write for each request: with fewer
 * connections than that, none is kept waiting.
 */
const MAX_UNCROWDED = 64;

/**
 * Turns without a connection that had not been served, after which a round is over: the sockets have
 * been polled, and those with a request have been served.
 */
const QUIET_TURNS = TURNS_PER_POLL + 3;

/**
 * Rounds of requests. A connection whose next request arrives soon is served again before the
 * runtime comes to all others that wait: of a thousand busy connections, some had no answer for
 * seconds. Where many are busy, each is served once in a round. Of a thousand connections, a round
 * costs 2 ms: turns that the runtime needs between two polls.
 */
class Rounds {
  #current = 1;
  /** Connections that have been served in this round. */
  #served = 0;
  #next: Promise<void> | null = null;

  get current(): number {
    return this.#current;
  }

  /** Whether a connection that has been served waits for the next round. */
  get isCrowded(): boolean {
    return this.#served > MAX_UNCROWDED;
  }

  /** A connection has been served for the first time in this round. */
  join(): void {
    this.#served++;
  }

  /** Resolves when a round has begun. */
  next(): Promise<void> {
    return this.#next ??= this.#begin();
  }

  async #begin(): Promise<void> {
    let served: number;
    do {
      served = this.#served;
      await turns(QUIET_TURNS, () => this.#served !== served);
    } while (this.#served !== served);
    this.#next = null;
    this.#current++;
    this.#served = 0;
  }
}

/** The rounds of this thread. */
const rounds = new Rounds();

/** The turns of one connection. */
export class RequestTurns {
  #round = 0;

  /**
   * To be called after each response.
   *
   * @returns A promise where the next request has to wait for it; else null, as always where no more
   * than 64 connections are busy.
   */
  next(): Promise<void> | null {
    if (this.#round !== rounds.current) {
      this.#round = rounds.current;
      rounds.join();
    }
    return rounds.isCrowded ? rounds.next() : null;
  }
}

/** A number of slots. A client gets one more while it has fewer than are free. */
export class Slots {
  readonly #count: number;
  readonly #byClient = new Map<string, number>();
  #used = 0;
  #released = Promise.withResolvers<void>();

  constructor(count: number) {
    this.#count = count;
  }

  /** Whether a client gets one more: a single client has half of them at most, and two two thirds. */
  isFreeFor(client: string): boolean {
    return (this.#byClient.get(client) ?? 0) < this.#count - this.#used;
  }

  /** Takes a slot; if none is free, one more than there are. */
  acquire(client: string): void {
    this.#used++;
    this.#byClient.set(client, (this.#byClient.get(client) ?? 0) + 1);
  }

  release(client: string): void {
    this.#used--;
    const left = this.#byClient.get(client)! - 1;
    if (left > 0) this.#byClient.set(client, left);
    else this.#byClient.delete(client);
    this.#released.resolve();
    this.#released = Promise.withResolvers();
  }

  /** Resolves when the next slot is released. */
  get released(): Promise<void> {
    return this.#released.promise;
  }
}
