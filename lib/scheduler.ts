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

/** Waits until the runtime has polled its sockets. */
function pollSockets(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let turns = 0;
  const next = () => {
    if (++turns <= TURNS_PER_POLL) setImmediate(next);
    else resolve();
  };
  next();
  return promise;
}

/**
 * Lets heavy work give way. Whenever the sockets have been polled, it continues one of those who
 * wait, of one client after the other; what is light never waits, and runs in between.
 */
class Scheduler {
  /** Milliseconds of the slice that are left, by the estimates of those who took them. */
  #left = SLICE;
  #isRunning = false;
  /** Those who wait, by client; the client whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>();

  /**
   * Takes time of the slice. Time that is taken before the work begins cannot be taken twice,
   * while a clock does not move before the first of a hundred has done its work.
   *
   * @param cost About as many milliseconds as the next step takes.
   * @returns Whether there was enough; if not, the step has to wait for {@linkcode nextSlice}.
   */
  take(cost: number): boolean {
    if (this.#left < cost) return false;
    this.#left -= cost;
    return true;
  }

  /**
   * Resolves when the sockets have been polled and a slice has just begun.
   *
   * @param client For whom the work is done, where that is known: a client with a thousand
   * connections has its turns as often as one with a single connection.
   */
  nextSlice(client = ""): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const queue = this.#waiting.get(client);
    if (queue === undefined) this.#waiting.set(client, [resolve]);
    else queue.push(resolve);
    if (!this.#isRunning) this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (const [client, queue] of this.#waiting) {
      await pollSockets();
      this.#left = SLICE;
      this.#waiting.delete(client);
      queue.shift()!();
      if (queue.length > 0) this.#waiting.set(client, queue); // The iteration comes to it again.
    }
    this.#isRunning = false;
  }
}

/** The scheduler of this thread. */
export const scheduler: Scheduler = new Scheduler();

/** A number of slots. A client gets one more while it has fewer than are free. */
export class Slots {
  readonly #count: number;
  readonly #byClient = new Map<string, number>();
  #used = 0;

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
  }
}
