import { LockstepError } from '../schema/error.ts';

/** What every refusal of a bundle says about what it means for the unit. */
const NOTHING_DONE = 'Nothing of it was used.';

export function damagedBundle(
  reason: string,
  facts: Record<string, unknown> = {},
  hint = 'Take another bundle; lockstep backup verify tells which ones are whole.',
): LockstepError {
  return new LockstepError('damaged-bundle', `The bundle is damaged: ${reason}. ${NOTHING_DONE}`, {
    hint,
    facts: { reason, ...facts },
  });
}

export function notABundle(reason: string, hint?: string): LockstepError {
  return new LockstepError('not-a-bundle', `This is not a bundle: ${reason}. ${NOTHING_DONE}`, {
    hint: hint ?? 'backup/FORMAT.md says what a bundle is.',
    facts: { reason },
  });
}

export function wrongPassphrase(): LockstepError {
  return new LockstepError('wrong-passphrase', `The passphrase does not open this bundle. ${NOTHING_DONE}`, {
    hint: 'Each bundle keeps the passphrase that it was made with.',
  });
}
