import type { Figure } from './figure.ts';
import type { Rival } from './rivals/rival.ts';

/** One thing that is measured: a file of its own in bench/, named in bench/main.ts; `npm run bench` runs them all. */
export interface Bench {
  name: string;
  run(options: BenchOptions): Promise<Figure[]>;
}

export interface BenchOptions {
  /** Sizes of the sites, smallest first: Virtual Services with 5 Real Servers each. */
  sizes: number[];
  rivals: Rival[];
  say(line: string): void;
  /** What the reader of the table must know. */
  note(line: string): void;
}
