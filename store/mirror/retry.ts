const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** When something that the disk or the system refused is tried again: soon at first, then less and less often. */
export class MirrorRetry {
  private readonly act: () => void;
  private timer: NodeJS.Timeout | undefined;
  private waitMs = FIRST_MS;

  constructor(act: () => void) {
    this.act = act;
  }

  later(): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.act();
    }, this.waitMs).unref();
    this.waitMs = Math.min(this.waitMs * 2, LONGEST_MS);
  }

  /** All went well. */
  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waitMs = FIRST_MS;
  }
}
