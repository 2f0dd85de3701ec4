/** Whether two digests that differ can be explained by what the two units know of each other. Pure. */
import { EMPTY_DIGEST } from '../store/digest.ts';
import type { Role } from '../store/store.ts';

export interface Standing {
  role: Role;
  digest: string;
  /** Digest of the last receipt given or taken. */
  common: string;
  established: boolean;
  damaged: boolean;
  heldBack: number;
  schemaDigest: string;
}

export interface AlarmFacts {
  own: Standing;
  partner: Standing;
  /** The revision that stood here at the last receipt. */
  commonRevision: number;
  /** The newest own revision with the digest that the partner holds, or had confirmed; undefined: never held here. */
  partnerHeldAt: number | undefined;
  partnerCommonAt: number | undefined;
}

type Suspicion =
  | 'damaged'
  /** The standby holds neither what it confirmed nor anything that was made since. */
  | 'partner-left'
  /** This standby holds something else than it confirmed. */
  | 'own-left'
  /** The active unit has a receipt of a state that this standby does not know. */
  | 'own-fell-back';

/** Why an audit ought to look; undefined when nothing is odd. */
export function suspicion(facts: AlarmFacts): Suspicion | undefined {
  const { own, partner } = facts;
  if (own.damaged || partner.damaged) return 'damaged';
  if (own.digest === partner.digest || own.role === partner.role) return undefined;
  if (own.heldBack + partner.heldBack > 0 || own.schemaDigest !== partner.schemaDigest) return undefined;
  if (!isKnown(own.common) || !own.established || !partner.established) return undefined;
  return own.role === 'active' ? ofActive(facts) : ofStandby(facts);
}

function ofActive({ own, partner, commonRevision, partnerHeldAt }: AlarmFacts): Suspicion | undefined {
  if (partner.digest === own.common) return undefined; // it waits for what is not sent yet
  const receiptWasLost = partnerHeldAt !== undefined && partnerHeldAt > commonRevision;
  return receiptWasLost ? undefined : 'partner-left';
}

function ofStandby({ own, partner, partnerCommonAt }: AlarmFacts): Suspicion | undefined {
  if (own.digest === partner.common) return undefined;
  if (own.digest !== own.common) return 'own-left';
  return isKnown(partner.common) && partnerCommonAt === undefined ? 'own-fell-back' : undefined;
}

function isKnown(digest: string): boolean {
  return digest !== '' && digest !== EMPTY_DIGEST;
}
