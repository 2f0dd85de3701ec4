/** What the parts of a link (connection, greeting, update run, role changes) share. */
import type { Moment } from '../host/deadline.ts';
import type { Timers } from '../host/timers.ts';
import type { LockstepError } from '../schema/error.ts';
import type { FellBack, Witness } from '../store/head.ts';
import type { Store } from '../store/store.ts';
import type { Channel } from './channel.ts';
import type { StateName } from './pair-state.ts';
import type { Receipt } from './receipt.ts';
import type { Requests } from './requests.ts';
import type { OwnFacts, SyncEvent, SyncState, Ticket } from './state.ts';

export interface LinkOptions {
  store: Store;
  timers: Timers;
  /** Opens a channel to the partner, to ask on; rejects with a LockstepError. */
  dial(signal: AbortSignal): Promise<Channel>;
  own(): OwnFacts;
  clock(): Moment;
  /** Makes the role durable; `digest`: only while the store still has it. Resolves to whether it was done. */
  setRole(role: 'active' | 'standby', epoch: number, digest?: string): Promise<boolean>;
  onState(state: SyncState, name: StateName): void;
  /** An update went out. `seen`: what the receipt says of the partner's store, kept beside the common digest. */
  onUpdate(receipt: Receipt, seen: Witness | undefined): void;
  onTrouble(error: LockstepError): void;
  /** This unit found out that its disk fell back. */
  onFellBack?(fellBack: FellBack): void;
  /** Before an update is made for a partner that holds `base`: a look at what the update would put right unseen. */
  beforeUpdate?(base: string): Promise<void>;
}

export interface LinkContext {
  readonly options: LinkOptions;
  /** As of now. */
  readonly state: SyncState;
  feed(event: SyncEvent): void;
  /** Own facts changed: a commit, a role, the partner's configuration. */
  ownChanged(): void;
  /** Answers whoever asked, if they still wait. */
  settle(ticket: Ticket | undefined, outcome: object | LockstepError): void;
  /** Where the partner is asked. Throws `partner-unreachable`. */
  linked(): Requests;
}
