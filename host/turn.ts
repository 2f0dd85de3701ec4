/** Acts that run one after the other, in the order in which they were asked for. */
export class Turn {
  private last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as `act` does. What comes next begins either way. */
  take<T>(act: () => T | Promise<T>): Promise<T> {
    const done = this.last.then(act);
    this.last = done.catch(() => undefined);
    return done;
  }

  /** Resolves when all that was asked for until now has ended, however it did. */
  async settled(): Promise<void> {
    await this.last;
  }
}
