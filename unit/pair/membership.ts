import { EMPTY_DIGEST } from '../../store/digest.ts';
import type { Store } from '../../store/store.ts';
import type { Partner } from '../../sync/pairing.ts';
import { fingerprint } from '../../sync/ssh/keys.ts';

/** The pair in which, and the partner with whom, the common digest of this unit came to be. */
interface Member {
  pairId: string;
  /** Fingerprint of the partner's host key. */
  partner: string;
}

const NAME = 'member';

/**
 * Which pair this unit belongs to. A pair outlives its units: with one of them replaced it keeps its identity, its
 * history and its epoch. What a unit earned in one pair counts for nothing in another (docs/decisions, the pair outlives its units).
 */
export class PairMembership {
  private readonly store: Store;
  private member: Member | undefined;

  private constructor(store: Store, member: Member | undefined) {
    this.store = store;
    this.member = member;
  }

  static async open(store: Store): Promise<PairMembership> {
    return new PairMembership(store, await store.readLocal<Member>(NAME));
  }

  /** The pair that this unit may speak for; undefined for a unit that is new or never was in step with anybody. */
  get pairId(): string | undefined {
    return this.store.head.common === '' ? undefined : this.member?.pairId;
  }

  /**
   * This unit is with `partner` from now on. In another pair it is new, whatever it held before; beside a new partner it
   * stays established, and all that is known of that one is that it holds nothing. Repeating it is harmless, and that
   * is how a crash in between is mended: the daemon does it at every start.
   */
  async settle(partner: Partner): Promise<void> {
    const { store, member } = this;
    const next: Member = { pairId: partner.pairId, partner: fingerprint(partner.hostKey) };
    if (member?.pairId === next.pairId && member.partner === next.partner) return;
    const established = store.head.common !== '';
    if (member !== undefined && established)
      await store.beginWithPartner(member.pairId === next.pairId ? EMPTY_DIGEST : '');
    await store.writeLocal(NAME, next);
    this.member = next;
  }
}
