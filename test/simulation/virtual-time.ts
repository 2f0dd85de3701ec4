import type { Timers } from '../../host/timers.ts';

interface Happening {
  at: number;
  order: number;
  act: () => void;
}

/** The only clock of a run. One thing happens after the other, each only when the one before it has come to rest. */
export class VirtualTime implements Timers {
  private time = 0;
  private counter = 0;
  private readonly pending = new Set<Happening>();

  now(): number {
    return this.time;
  }

  after(ms: number, act: () => void): () => void {
    const happening = { at: this.time + ms, order: ++this.counter, act };
    this.pending.add(happening);
    return () => void this.pending.delete(happening);
  }

  async pass(ms: number): Promise<void> {
    const until = this.time + ms;
    await rest();
    for (let next = this.nextUntil(until); next !== undefined; next = this.nextUntil(until)) {
      this.pending.delete(next);
      this.time = next.at;
      next.act();
      await rest();
    }
    this.time = until;
  }

  private nextUntil(until: number): Happening | undefined {
    let first: Happening | undefined;
    for (const one of this.pending) {
      if (one.at > until) continue;
      if (first === undefined || one.at < first.at || (one.at === first.at && one.order < first.order))
        first = one;
    }
    return first;
  }
}

/**
 * Until no promise has anything left to do: a tick that a promise asked for comes after the last of them. Nothing in a
 * run waits for anything but promises and virtual time.
 */
async function rest(): Promise<void> {
  await undefined;
  await new Promise<void>(resolve => process.nextTick(resolve));
}

/** Long work lets go of the event loop by the real clock (host/event-loop.ts): while the simulation runs, that stands still. */
export async function withoutRealTime<T>(act: () => Promise<T>): Promise<T> {
  const real = performance.now;
  performance.now = () => 0;
  try {
    return await act();
  } finally {
    performance.now = real;
  }
}
