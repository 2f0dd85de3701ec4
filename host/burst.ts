/** Editors and git write many times for one save; nothing is read before it has been quiet for a while. */
export class Burst {
  private readonly quietMs: number;
  private readonly longestMs: number;
  private readonly onEnd: () => void;
  private timer: NodeJS.Timeout | undefined;
  private first = 0;
  private last = 0;

  /** `onEnd` is called once a burst is over: `quietMs` after its last event, or `longestMs` after its first. */
  constructor(quietMs: number, longestMs: number, onEnd: () => void) {
    this.quietMs = quietMs;
    this.longestMs = longestMs;
    this.onEnd = onEnd;
  }

  get open(): boolean {
    return this.timer !== undefined;
  }

  /** `prolongs` false: starts a burst, but does not make a running one longer. */
  event(prolongs = true): void {
    const now = performance.now();
    if (this.timer === undefined) {
      this.first = now;
      this.last = now;
      this.arm(this.quietMs);
    } else if (prolongs) this.last = now;
  }

  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private arm(ms: number): void {
    this.timer = setTimeout(() => this.look(), ms);
  }

  /** One timer for a burst of any length: it looks again when events came meanwhile. */
  private look(): void {
    const left = Math.min(this.last + this.quietMs, this.first + this.longestMs) - performance.now();
    if (left > 1) {
      this.arm(left);
      return;
    }
    this.timer = undefined;
    this.onEnd();
  }
}
