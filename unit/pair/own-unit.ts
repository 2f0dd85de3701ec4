import { Turn } from '../../host/turn.ts';
import { isEveryAddress } from '../../schema/address.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Store } from '../../store/store.ts';
import { type FileCounts, PROTOCOL } from '../../sync/message.ts';
import type { Self } from '../../sync/pairing.ts';
import type { KeyPair } from '../../sync/ssh/keys.ts';
import { factsOf, type OwnFacts } from '../../sync/state.ts';
import type { Events } from '../events.ts';
import { IDENTITY_PATHS, type Identity, readIdentity, type UnitFacts } from '../identity.ts';
import type { Log } from '../log/log.ts';
import type { Health } from '../store-care/health.ts';
import { type PairAddresses, readAddresses } from './addresses.ts';
import type { Listening } from './listening.ts';
import type { Pausing } from './pausing.ts';

export interface OwnUnitOptions {
  store: Store;
  catalog: Catalog;
  facts: UnitFacts;
  identity: Identity;
  hostKey: KeyPair;
  clientKey: KeyPair;
  /** Address to listen on, where the unit was told one; `0.0.0.0` or `::` for all. */
  listenAddress: string | undefined;
  everyCommit: boolean;
  health: Health;
  /** Files of the mirror that wait for somebody, and that cannot be written now. */
  fileCounts(): FileCounts;
  events: Events;
  log: Log;
}

/** What this unit is and says of itself; it follows its own records. */
export class OwnUnit {
  identity: Identity;
  addresses: PairAddresses;
  private readonly options: OwnUnitOptions & { pausing: Pausing; listening: Listening };
  private readonly reading = new Turn();

  private constructor(options: OwnUnit['options'], addresses: PairAddresses) {
    this.options = options;
    this.identity = options.identity;
    this.addresses = addresses;
  }

  static async open(options: OwnUnit['options']): Promise<OwnUnit> {
    const own = new OwnUnit(options, await readAddresses(options.store));
    options.events.on('committed', ({ paths }) => setImmediate(() => own.committed(paths)));
    return own;
  }

  /**
   * Where the records say that the partner is. A unit that was told to listen elsewhere than on its own address is in a network
   * that the records do not describe.
   */
  get partnerRecord(): { path: string; host: string } | undefined {
    const { update } = this.addresses;
    const { listenAddress: told } = this.options;
    const isDescribed = told === undefined || isEveryAddress(told) || told === update?.address;
    if (update?.partnerAddress === undefined || !isDescribed) return undefined;
    return { path: update.path, host: update.partnerAddress };
  }

  /** For a unit that becomes the partner. Throws `mismatch` for a single unit. */
  self(): Self {
    const { facts, hostKey, clientKey } = this.options;
    const { name, mode } = this.identity;
    if (mode === 'single')
      throw new LockstepError('mismatch', 'This is a single unit, not one of a pair.', {
        hint: 'Set ha/mode to first or second.',
      });
    return { unitId: facts.id, name, mode, hostKey: hostKey.public, clientKey: clientKey.public };
  }

  /** For the partner, as of now. `pairId` empty: of no pair. */
  said(pairId: string): OwnFacts {
    const { store, catalog, facts, everyCommit, health, pausing, listening } = this.options;
    const { name, mode, model, release } = this.identity;
    const { waiting, unwritten } = this.options.fileCounts();
    return {
      ...factsOf(store.head),
      protocol: PROTOCOL,
      pairId,
      unitId: facts.id,
      name,
      mode: mode === 'second' ? 'second' : 'first',
      release,
      model,
      schemaDigest: catalog.digest,
      everyCommit,
      pause: pausing.current,
      port: listening.address.port,
      bothWays: true,
      ha: this.addresses.facts,
      ...(health.damage === undefined ? {} : { damaged: true }),
      ...(waiting + unwritten === 0 ? {} : { files: { waiting, unwritten } }),
    };
  }

  private committed(paths: readonly string[]): void {
    if (paths.some(path => IDENTITY_PATHS.has(path))) this.refresh(() => this.refreshIdentity());
    if (paths.some(path => path === 'ha' || path.startsWith('interfaces/')))
      this.refresh(() => this.refreshAddresses());
  }

  private refresh(act: () => Promise<void>): void {
    this.reading
      .take(async () => {
        await act();
        this.options.events.emit('selfChanged', {});
      })
      .catch((error: unknown) =>
        this.options.log.warn({ reason: String(error) }, 'the addresses of the pair could not be looked at'),
      );
  }

  private async refreshIdentity(): Promise<void> {
    this.identity = await readIdentity(this.options.store, this.options.facts.id);
  }

  /** The unit listens where its records say. */
  private async refreshAddresses(): Promise<void> {
    this.addresses = await readAddresses(this.options.store);
    await this.options.listening.ownIs(this.addresses.update?.address);
  }
}
