import { LockstepError } from '../schema/error.ts';
import type { PlannedCertificate } from './certificate-plan.ts';

/** The refusals of a certificate restore, in its words. */

const MAX_NAMED = 100;

export function notACertificateBundle(): LockstepError {
  return new LockstepError(
    'restore-configuration',
    'This is a configuration bundle, not a certificate bundle. Nothing was changed.',
    { hint: 'Restore it with lockstep restore FILE; its certificates alone with --parts certs.' },
  );
}

export function certificateNotThere(absent: string[], held: string[]): LockstepError {
  return new LockstepError(
    'restore-no-certificate',
    `The bundle does not hold: ${listed(absent)}. Nothing was changed.`,
    {
      hint: held.length === 0 ? 'It is empty.' : `It holds: ${listed(held)}.`,
      facts: { absent, held: held.slice(0, MAX_NAMED), count: held.length },
    },
  );
}

export function keysDoNotFit(unfit: { path: string; message: string }[]): LockstepError {
  const [first] = unfit;
  const more = unfit.length > 1 ? ` It is one of ${unfit.length}.` : '';
  return new LockstepError(
    'restore-key-unfit',
    `${first?.path}: ${first?.message}.${more} Nothing was changed.`,
    {
      hint: 'Restore the others by their names: --select NAME…',
      facts: { problems: unfit.slice(0, MAX_NAMED), count: unfit.length },
    },
  );
}

/** Other certificates of the same name are here, and nobody said which ones shall stand. */
export function certificatesDiffer(undecided: PlannedCertificate[]): LockstepError {
  const newer = undecided.map(
    ({ path, other }) =>
      `${path} (${other?.newer === 'neither' ? 'neither is newer' : other?.newer === 'here' ? 'newer here' : 'newer in the bundle'})`,
  );
  return new LockstepError(
    'certificates-differ',
    `This unit has other certificates of the same name: ${listed(newer)}. Nothing was changed.`,
    {
      hint: '--newer takes the newer ones, --replace those of the bundle, --keep leaves those that are here.',
      facts: { certificates: undecided.slice(0, MAX_NAMED), count: undecided.length },
    },
  );
}

function listed(names: string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
