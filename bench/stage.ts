/** A site of one size, held by a real pair and, as files, by the rivals: what is measured in turn is measured here. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Receipt } from '../api/contract/shapes.ts';
import { Entrant } from './entrant.ts';
import type { Cost, Rivalry } from './figure.ts';
import type { KeptOpen } from './kept-open.ts';
import { endPair, fill, forceUpdate, type Pair, startPair, untilMirrored, watched } from './pair.ts';
import type { Place, Rival } from './rivals/rival.ts';
import { nickname, serviceId } from './site.ts';
import { SiteFiles } from './site-files.ts';

/** Prime: one Virtual Service after another, far from each other. */
const STRIDE = 7919;

export interface StageOptions {
  services: number;
  rivals: Rival[];
  folder: string;
  number: number;
  connection: KeptOpen | undefined;
  /** What rivals take the first time is measured. */
  firstTimes: boolean;
  say(line: string): void;
  /** What the reader of the table must know. */
  note(line: string): void;
}

export class Stage {
  readonly services: number;
  readonly pair: Pair;
  readonly entrants: Entrant[] = [];
  /** Of the first update, of the daemons together. */
  readonly firstUpdate: Cost = {};
  private readonly files: SiteFiles;
  private readonly note: (line: string) => void;
  private turn = 0;

  private constructor(services: number, pair: Pair, files: SiteFiles, note: (line: string) => void) {
    this.services = services;
    this.pair = pair;
    this.files = files;
    this.note = note;
  }

  /** Filled, in step, and with rivals that hold the same on both sides. */
  static async open({
    services,
    rivals,
    folder,
    number,
    connection,
    firstTimes,
    say,
    note,
  }: StageOptions): Promise<Stage> {
    mkdirSync(folder);
    say(`${services.toLocaleString('en')} Virtual Services: a pair`);
    const pair = await startPair(folder, number);
    const files = new SiteFiles(
      path.join(folder, 'files'),
      services,
      new Set(rivals.map(({ layout }) => layout)),
    );
    const stage = new Stage(services, pair, files, note);
    try {
      await fill(pair.active, services);
      await untilMirrored([pair.active], services);
      Object.assign(stage.firstUpdate, await watched([pair.active, pair.standby], () => forceUpdate(pair)));
      for (const [index, rival] of rivals.entries()) {
        if (connection === undefined) break;
        say(`${services.toLocaleString('en')} Virtual Services: ${rival.name}`);
        const own = path.join(folder, `rival-${index}`);
        mkdirSync(own);
        const copied = rival.told ?? !firstTimes;
        await stage.enter(rival, { source: files.folder(rival.layout), folder: own, connection, copied });
      }
      return stage;
    } catch (error) {
      await stage.end();
      throw error;
    }
  }

  /** So many Virtual Services are renamed; each rival brings that to its other side. */
  async rivalsCarry(many: number): Promise<void> {
    const changed = this.files.rename(this.next(many));
    for (const entrant of [...this.entrants])
      await entrant.carry(changed).catch(error => this.leaveOut(entrant, error as Error));
  }

  /** So many renames of Virtual Services, for the API. */
  renames(many: number): { op: 'set'; path: string; field: string[]; value: string }[] {
    return this.next(many).map(index => ({
      op: 'set' as const,
      path: `virtualServices/${serviceId(index)}`,
      field: ['nickname'],
      value: nickname('renamed', this.turn),
    }));
  }

  async forceUpdate(): Promise<Receipt> {
    const receipt = await this.pair.active.api.call('forceUpdate');
    if (receipt.result !== 'applied') throw new Error(`an update of changes was ${receipt.result}`);
    return receipt;
  }

  /** What the rivals took since the last time; `commits`: those that commit here as well, or those that do not. */
  results(commits: boolean): Rivalry[] {
    return this.entrants
      .filter(({ rival }) => (rival.commits ?? false) === commits)
      .map(entrant => entrant.result())
      .filter(result => result !== undefined);
  }

  async end(): Promise<void> {
    await endPair(this.pair);
    for (const entrant of this.entrants) await entrant.end();
  }

  private async enter(rival: Rival, place: Place): Promise<void> {
    try {
      this.entrants.push(await Entrant.enter(rival, place));
    } catch (error) {
      this.tellLeftOut(rival, error as Error);
    }
  }

  private async leaveOut(entrant: Entrant, error: Error): Promise<void> {
    this.tellLeftOut(entrant.rival, error);
    this.entrants.splice(this.entrants.indexOf(entrant), 1);
    await entrant.end();
  }

  /** One that fails is no rival any more; the rest of a long run is not lost for that. */
  private tellLeftOut({ name }: Rival, { message }: Error): void {
    this.note(
      `${name}: left out at ${this.services.toLocaleString('en')} Virtual Services: ${message.trim()}`,
    );
  }

  private next(many: number): number[] {
    const from = this.turn++ * STRIDE;
    return Array.from(
      { length: Math.min(many, this.services) },
      (_, index) => (from + index) % this.services,
    );
  }
}
