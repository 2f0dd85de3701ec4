/** Acts of one name run one after the other, others side by side, so that none of them waits long for a slow one. */
export class Lanes {
  private readonly last = new Map<string, Promise<void>>();
  private readonly waiting: (() => void)[] = [];
  private free: number;

  /** `width`: so many at once. */
  constructor(width: number) {
    this.free = width;
  }

  /** `act` must not throw. */
  run(name: string, act: () => Promise<void>): void {
    const done = (this.last.get(name) ?? Promise.resolve()).then(() => this.inSlot(act));
    this.last.set(name, done);
    void done.then(() => {
      if (this.last.get(name) === done) this.last.delete(name);
    });
  }

  async settled(): Promise<void> {
    while (this.last.size > 0) await Promise.all(this.last.values());
  }

  private async inSlot(act: () => Promise<void>): Promise<void> {
    if (this.free === 0) await new Promise<void>(resolve => this.waiting.push(resolve));
    else this.free -= 1;
    try {
      await act();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free += 1;
      else next();
    }
  }
}
