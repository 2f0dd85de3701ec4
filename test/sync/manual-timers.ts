import type { Timers } from '../../host/timers.ts';

/** Time that passes only when a test says so. */
export class ManualTimers implements Timers {
  private time = 0;
  private readonly pending = new Set<{ at: number; act: () => void }>();

  now(): number {
    return this.time;
  }

  after(ms: number, act: () => void): () => void {
    const timer = { at: this.time + ms, act };
    this.pending.add(timer);
    return () => void this.pending.delete(timer);
  }

  advance(ms: number): void {
    const until = this.time + ms;
    for (let next = this.nextUntil(until); next !== undefined; next = this.nextUntil(until)) {
      this.pending.delete(next);
      this.time = next.at;
      next.act();
    }
    this.time = until;
  }

  private nextUntil(until: number): { at: number; act: () => void } | undefined {
    const due = [...this.pending].filter(({ at }) => at <= until);
    return due.sort((a, b) => a.at - b.at)[0];
  }
}
