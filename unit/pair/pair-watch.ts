import type { StateName } from '../../sync/pair-state.ts';
import type { SyncState } from '../../sync/state.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';
import { ClockWatch } from './clock-skew.ts';

export interface PairWatchOptions {
  now(): Date;
  events: Events;
  log: Log;
}

/** Tells log and listeners what becomes of the pair, and knows since when. */
export class PairWatch {
  /** When the greeting that carried the partner's `clock` came; that clock tells greetings apart. */
  heard: { clock: number; at: number; iso: string } | undefined;
  /** Empty: since the start. */
  since = '';
  private name: StateName | undefined;
  private isUp = false;
  private readonly clocks: ClockWatch;
  private readonly options: PairWatchOptions;

  constructor(options: PairWatchOptions) {
    this.options = options;
    this.clocks = new ClockWatch(options.log);
  }

  note(state: SyncState, name: StateName, partner: string): void {
    const { now, events, log } = this.options;
    const clock = state.partner?.clock;
    if (clock !== undefined && clock !== this.heard?.clock) {
      this.heard = { clock, at: now().getTime(), iso: now().toISOString() };
      this.clocks.seen(Math.round(clock - this.heard.at));
    }
    this.noteConnection(state, partner);
    if (name === this.name) return;
    this.name = name;
    this.since = now().toISOString();
    log.info({ state: name, partner }, 'sync state');
    events.emit('pairStateChanged', { state: name, since: this.since });
  }

  /** The partner is another one, or none. */
  forget(): void {
    this.heard = undefined;
  }

  private noteConnection({ link, downBecause }: SyncState, partner: string): void {
    const isUp = link === 'up';
    if (isUp === this.isUp) return;
    this.isUp = isUp;
    if (isUp) this.options.events.emit('connectionSettled', { partner });
    else this.options.events.emit('connectionLost', { partner, reason: downBecause });
  }
}
