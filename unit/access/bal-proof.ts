import { createHash, createHmac } from 'node:crypto';
import { asLockstepError } from '../../schema/error.ts';
import type { Json } from '../../schema/json.ts';
import type { Store } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import type { Log } from '../log/log.ts';
import { stretch } from './password.ts';

export interface BalProofOptions {
  store: Store;
  /** Of the pair that this unit belongs to; empty: of none. */
  pairId(): string;
  log: Log;
}

/** Kept beside the configuration, and never leaves the unit. */
interface Verifier {
  /** Hash of the password hash that it was made with: another password makes it worthless. */
  of: string;
  pairId: string;
  /** Base64. */
  verifier: string;
}

const NAME = 'bal-verifiers';
/** So that a rollback to an earlier password finds its verifier again. */
const MAX_KEPT = 5;
const PATH = 'users/bal';
const FIELD = 'passwordHash';

/**
 * Proves to the partner which password of bal this unit has, without saying it. The hashes of the two units have salts of their own
 * and cannot be compared, so when the password is set a second value is derived with a salt that both units know
 * (docs/decisions/0025-doctor.md).
 */
export class BalProof {
  private readonly options: BalProofOptions;

  constructor(options: BalProofOptions) {
    this.options = options;
  }

  /** `asked`: changes with the password; `taken`: the same changes with its hash, as they were committed. */
  async learn(asked: Change[], taken: Change[]): Promise<void> {
    const { store, pairId, log } = this.options;
    for (const [index, change] of asked.entries()) {
      const [password, kept] = [passwordIn(change), passwordIn(taken[index])];
      if (typeof password !== 'string' || kept === password || pairId() === '') continue;
      try {
        const verifier = await stretch(password, saltOf(pairId()));
        const fresh = {
          of: hash(String(kept)),
          pairId: pairId(),
          verifier: verifier.toString('base64'),
        };
        await store.changeLocal<Verifier[]>(NAME, (known = []) => [fresh, ...known].slice(0, MAX_KEPT));
      } catch (error) {
        const { code } = asLockstepError(error);
        log.warn({ code }, 'what proves the password of bal could not be kept');
      }
    }
  }

  /** Of the password that this unit has, for whoever knows `nonce`, as said by the unit `unitId`. */
  async proof(nonce: string, unitId: string): Promise<{ set: boolean; proof: string | null }> {
    const { store, pairId } = this.options;
    const password = (await store.read(PATH))?.[FIELD];
    if (typeof password !== 'string') return { set: false, proof: null };
    const known = (await store.readLocal<Verifier[]>(NAME)) ?? [];
    const found = known.find(each => each.of === hash(password) && each.pairId === pairId());
    if (found === undefined || nonce === '') return { set: true, proof: null };
    const hmac = createHmac('sha256', Buffer.from(found.verifier, 'base64'));
    return { set: true, proof: hmac.update(`lockstep bal ${unitId} ${nonce}`).digest('hex') };
  }
}

/** What a change puts where the password of bal belongs. */
function passwordIn(change: Change | undefined): Json | undefined {
  if (change?.path !== PATH) return undefined;
  if (change.op === 'put') return change.value[FIELD];
  return change.op === 'set' && change.field.join('/') === FIELD ? change.value : undefined;
}

function saltOf(pairId: string): Buffer {
  return createHash('sha256').update(`lockstep bal ${pairId}`).digest();
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
