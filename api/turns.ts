/** How many requests that may fill the memory operators have under way: of all, and each of them one. */
const AT_ONCE = 3;

interface Waiting {
  who: string;
  begin(): void;
}

/** Whoever waits begins in the order of asking, as soon as a turn is free and he has none himself. Pure. */
export class Turns {
  readonly #atOnce: number;
  readonly #busy = new Set<string>();
  #waiting: Waiting[] = [];

  constructor(atOnce = AT_ONCE) {
    this.#atOnce = atOnce;
  }

  /** Resolves to what ends the turn; ending it twice does nothing. */
  take(who: string): Promise<() => void> {
    return new Promise(resolve => {
      this.#waiting.push({ who, begin: () => resolve(this.#begin(who)) });
      this.#next();
    });
  }

  #begin(who: string): () => void {
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#busy.delete(who);
      this.#next();
    };
  }

  #next(): void {
    while (this.#busy.size < this.#atOnce) {
      const next = this.#waiting.find(({ who }) => !this.#busy.has(who));
      if (next === undefined) return;
      this.#waiting = this.#waiting.filter(each => each !== next);
      this.#busy.add(next.who);
      next.begin();
    }
  }
}
