/** What happens in a running unit, for whoever needs to know: other rooms, metrics, whoever follows by the API. */

import type { DriftReport } from '../api/contract/audits.ts';
import type { Damage } from '../api/contract/status.ts';
import type { Revision } from '../store/revision.ts';
import type { CommitResult, Role, Store } from '../store/store.ts';
import type { StateName } from '../sync/pair-state.ts';
import type { Pause } from '../sync/pause.ts';
import type { Receipt, TakenUpdate } from '../sync/receipt.ts';
import type { Log } from './log/log.ts';

export interface Happenings {
  /** A commit or an update is on the disk. `paths`: the records it touched; its author is in the revision. */
  committed: { revision: Revision; paths: readonly string[] };
  /** Files under config/ that somebody saved became a revision. */
  filesCommitted: CommitResult;
  /** The unit became active or standby, durably. */
  roleChanged: { role: Role; epoch: number };
  /** The store was found damaged; more may be found later without another event. */
  damaged: Damage;
  /** A verification found nothing any more. */
  mended: Record<string, never>;
  diskRefused: { reason: string };
  diskRecovered: Record<string, never>;
  /** The unit has a partner, for the first time or another than before. */
  paired: { name: string };
  /** The partner so far is none any more. */
  unpaired: Record<string, never>;
  /** The partner can be asked. */
  connectionSettled: { partner: string };
  connectionLost: { partner: string; reason: string };
  /** What the pair is now (sync/README.md). */
  pairStateChanged: { state: StateName; since: string };
  updateSent: Receipt;
  updateReceived: TakenUpdate;
  /** Updates are paused (with the pause), or go out again. */
  pauseChanged: { pause: Pause | undefined };
  /** A change waits to be confirmed. `id` is the same on both units. */
  provisionalOpened: { id: string; author: string; reason: string };
  /** It was confirmed or undone. */
  provisionalClosed: { id: string };
  /** It was not confirmed in time: the partner is to know at once. */
  provisionalUndone: { revision: number };
  /** A restored configuration is confirmed as a source. */
  sourceConfirmed: Record<string, never>;
  /** The unit listens at another address. */
  listeningMoved: { address: string; port: number };
  /** What this unit says of itself changed: its name, mode or addresses. */
  selfChanged: Record<string, never>;
  /** An operator is no longer admitted, or only with other rights. */
  operatorGone: { name: string; who: string };
  driftFound: DriftReport;
  driftGone: DriftReport;
  /** What the unit takes of its disk was measured. */
  spaceSampled: Record<string, never>;
  backupRun: { result: 'done' | 'failed' };
}

export type Listen<Name extends keyof Happenings> = (fact: Happenings[Name]) => void;

type Listeners = { [Name in keyof Happenings]?: Listen<Name>[] };

/**
 * Listeners are called at once, in the order in which they came. One that throws is told to the log and harms nobody else.
 * Whoever stops listening while an event is told is not called any more.
 */
export class Events {
  private readonly listeners: Listeners = {};
  private readonly log: Pick<Log, 'error'>;

  constructor(log: Pick<Log, 'error'>) {
    this.log = log;
  }

  /** Returns how to stop. */
  on<Name extends keyof Happenings>(name: Name, listener: Listen<Name>): () => void {
    const known = this.listeners[name] as Listen<Name>[] | undefined;
    const all: Listen<Name>[] = known ?? [];
    if (known === undefined) Object.assign(this.listeners, { [name]: all });
    const entry: Listen<Name> = fact => listener(fact); // its own, though one function may listen twice
    all.push(entry);
    return () => {
      const at = all.indexOf(entry);
      if (at >= 0) all.splice(at, 1);
    };
  }

  /** The same listener for several events. */
  onAny<Name extends keyof Happenings>(names: readonly Name[], listener: () => void): () => void {
    const stops = names.map(name => this.on(name, listener));
    return () => {
      for (const stop of stops) stop();
    };
  }

  emit<Name extends keyof Happenings>(name: Name, fact: Happenings[Name]): void {
    const all = (this.listeners[name] ?? []) as Listen<Name>[];
    for (const listener of [...all]) {
      if (!all.includes(listener)) continue;
      try {
        listener(fact);
      } catch (error) {
        this.log.error({ event: name, reason: String(error) }, 'a listener failed');
      }
    }
  }

  /** From now on every revision of the store is told. Returns how to stop. */
  follow(store: Pick<Store, 'watch'>): () => void {
    return store.watch((revision, paths) => this.emit('committed', { revision, paths }));
  }
}
