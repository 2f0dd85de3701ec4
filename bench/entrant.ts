/** A rival that takes part: what it took, each time. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { bytesOf, costOf, type Rivalry } from './figure.ts';
import { crossing } from './network.ts';
import { isInstalled } from './program.ts';
import type { Carrier, Place, Rival } from './rivals/rival.ts';
import type { Layout } from './site-files.ts';
import { timed } from './timing.ts';

/** A slow one has had its say after so many rounds and so long. */
const ENOUGH_ROUNDS = 5;
const ENOUGH_MS = 20_000;

interface Taken {
  ms: number;
  bytes: number | undefined;
}

export class Entrant {
  readonly rival: Rival;
  private readonly carrier: Carrier;
  private readonly source: string;
  private taken: Taken[] = [];

  private constructor(rival: Rival, carrier: Carrier, source: string) {
    this.rival = rival;
    this.carrier = carrier;
    this.source = source;
  }

  /** It holds the same on both sides when this resolves. */
  static async enter(rival: Rival, place: Place): Promise<Entrant> {
    const entrant = new Entrant(rival, await rival.start(place), place.source);
    try {
      const taken = await entrant.measured(() => entrant.carrier.first());
      if (!place.copied) entrant.taken = [taken];
      return entrant;
    } catch (error) {
      await entrant.end();
      throw error;
    }
  }

  /** Unless it has had its say, or is not meant for so much. */
  async carry(changed: Record<Layout, string[]>): Promise<void> {
    const spent = this.taken.reduce((sum, { ms }) => sum + ms, 0);
    if (this.taken.length >= ENOUGH_ROUNDS && spent > ENOUGH_MS) return;
    const files = changed[this.rival.layout];
    if (files.length > (this.rival.mostFiles ?? Number.POSITIVE_INFINITY)) return;
    this.taken.push(await this.measured(() => this.carrier.carry(files)));
    await this.check(files.at(-1) as string);
  }

  /** What was taken since the last time that somebody asked; undefined: it did not take part. */
  result(): Rivalry | undefined {
    if (this.taken.length === 0) return undefined;
    const cost = costOf(
      this.taken.map(({ ms }) => ms),
      bytesOf(this.taken.map(({ bytes }) => bytes)),
    );
    this.taken = [];
    return { who: this.rival.name, cost };
  }

  async end(): Promise<void> {
    await this.carrier.end?.();
  }

  private async measured(act: () => Promise<void>): Promise<Taken> {
    const { result, bytes } = await crossing(() => timed(act));
    return { ms: result.ms, bytes };
  }

  /** A rival that did nothing would be the fastest of all. */
  private async check(file: string): Promise<void> {
    const [here, there] = await Promise.all([
      readFile(path.join(this.source, file)),
      this.carrier.read(file),
    ]);
    if (!here.equals(there)) throw new Error(`${this.rival.name}: ${file} did not arrive`);
  }
}

/** Why it cannot take part; undefined: it can. */
export function isMissing({ needs }: Rival): string | undefined {
  const missing = needs.filter(program => !isInstalled(program));
  return missing.length === 0 ? undefined : `${missing.join(', ')} not installed`;
}
