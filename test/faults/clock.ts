import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The clock of a daemon, put forward and back from outside while it runs. */
export class ShiftedClock {
  private readonly file: string;

  constructor(folder: string) {
    this.file = path.join(folder, `.clock-${process.pid}`);
    this.put(0);
  }

  /** What a daemon is started with (`inside` of a TestUnit). */
  get inside(): string[] {
    const shift = new URL('./clock.mjs', import.meta.url);
    return ['env', `NODE_OPTIONS=--import=${shift.href}`, `CLOCK_SHIFT_FILE=${this.file}`];
  }

  /** Its time: that of the machine and so many milliseconds. */
  put(ms: number): void {
    writeFileSync(this.file, String(ms));
  }

  forward(ms: number): void {
    this.put(Number(readFileSync(this.file, 'utf8')) + ms);
  }

  remove(): void {
    rmSync(this.file, { force: true });
  }
}
