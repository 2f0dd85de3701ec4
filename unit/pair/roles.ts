import type { Role, Store } from '../../store/store.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';

export interface RolesOptions {
  store: Store;
  events: Events;
  log: Log;
}

/**
 * The one place where the role of this unit changes: takeover, step-down, and whoever decides who is active come through here.
 * Whether a commit of shared records is taken is decided by what the store holds of it, within the turn of the commit
 * (store/refusals.ts, `notActive`).
 */
export class Roles {
  private readonly options: RolesOptions;

  constructor(options: RolesOptions) {
    this.options = options;
  }

  get current(): Role {
    return this.options.store.head.role;
  }

  /** Durable when it resolves. `digest`: only while the store still has it. Resolves to whether it was done. */
  async set(role: Role, epoch: number, digest?: string): Promise<boolean> {
    const { store, events, log } = this.options;
    if (!(await store.setRole(role, epoch, digest))) return false;
    log.warn({ role, epoch }, 'role changed');
    events.emit('roleChanged', { role, epoch });
    return true;
  }
}
