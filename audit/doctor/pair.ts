import { type Check, failure, notChecked, ofBoth, ofEach, ok, same, type Verdict, warning } from './check.ts';
import type { Examination } from './examination.ts';

const PAIR = { group: 'pair', ofPair: true } as const;

/** A check that looks at one sentence of each unit's state, which is null where all is well. */
function quiet(
  code: string,
  sentence: (unit: Examination) => string | null,
  words: { holds: string; why: string; hint: string; fine: string; group?: 'pair' | 'machine' },
  otherwise: (message: string) => Verdict,
): Check {
  const { fine, group = 'pair', ...more } = words;
  return {
    code,
    group,
    ...more,
    check: facts =>
      ofEach(facts, unit => {
        const found = sentence(unit);
        return found === null
          ? { ...ok(fine), fact: fine }
          : { ...otherwise(bare(found)), fact: bare(found) };
      }),
  };
}

export const pairChecks: Check[] = [
  {
    ...PAIR,
    code: 'ha-modes',
    holds: 'The two units have different HA modes.',
    why: 'With one mode on both, both become active and fight for the shared address.',
    hint: 'lockstep set ha/mode first on the one unit, second on the other.',
    check: facts =>
      ofBoth(facts, ({ unit: { mode: here } }, { unit: { mode: there } }) =>
        here !== there && there !== 'single'
          ? ok('one is first, one is second', { here, there })
          : failure(there === 'single' ? 'the partner is no unit of a pair' : 'both have the same HA mode', {
              here,
              there,
            }),
      ),
  },
  {
    ...PAIR,
    code: 'one-active',
    holds: 'Exactly one unit is active.',
    why: 'Two active units drift apart; without one nobody serves.',
    hint: 'lockstep takeover on the unit that is to serve.',
    check: facts =>
      ofBoth(facts, ({ unit: { role: here } }, { unit: { role: there } }) =>
        here !== there
          ? ok('one is active, one is standby', { here, there })
          : failure(`both units are ${here}`, { here, there }),
      ),
  },
  {
    ...PAIR,
    code: 'in-step',
    holds: 'Both units hold the same configuration.',
    why: 'What the standby lacks is missing after a takeover.',
    hint: 'lockstep status says what is missing; lockstep force-update sends it.',
    check: ({ here, there }) => {
      const { state } = here;
      const sides = { here: short(here), ...(there === null ? {} : { there: short(there) }) };
      if (state.inStep === true) return ok('the pair is in step', sides);
      const grave = ['refused', 'fallen-back', 'both-active', 'no-active', 'damaged'].includes(state.sync);
      if (grave) return failure(bare(state.sentence), { ...sides, hint: 'lockstep status says what to do.' });
      return state.inStep === null
        ? notChecked(bare(state.sentence), sides)
        : warning(bare(state.sentence), sides);
    },
  },
  {
    ...PAIR,
    code: 'virtual-id',
    holds: 'Both units have the same Virtual ID.',
    why: 'Units with different numbers do not hear each other, and both become active.',
    hint: 'lockstep set ha/virtualId on the active unit; it is shared.',
    check: facts =>
      facts.here.ha.virtualId === null
        ? warning('no Virtual ID is set', { here: 'none' })
        : same(facts, 'the Virtual ID', ({ ha }) => String(ha.virtualId ?? 'none'), failure),
  },
  {
    ...PAIR,
    code: 'preferred-host',
    holds: 'No unit is preferred.',
    why: 'A preferred unit takes the active role back as soon as it runs again, which drops connections once more.',
    hint: 'lockstep set ha/preferredHost none, when the test or the replacement is over.',
    check: ({ here: { ha } }) =>
      ha.preferredHost === 'none'
        ? ok('no unit is preferred', { here: 'none' })
        : warning(`the ${ha.preferredHost} unit is preferred`, { here: ha.preferredHost }),
  },
  quiet(
    'pacified',
    ({ state }) => state.pacified,
    {
      holds: 'No unit is pacified.',
      why: 'A pacified unit gets no updates and does not take over.',
      hint: 'Look in its log for why it ended, mend that, then lockstep resume there.',
      fine: 'no unit is pacified',
    },
    failure,
  ),
  quiet(
    'unconfirmed-restore',
    ({ state }) => state.unconfirmed,
    {
      holds: 'What was restored is confirmed.',
      why: 'A unit with a restored configuration sends nothing until somebody has looked at it.',
      hint: 'Look at it, then lockstep confirm-source there.',
      fine: 'nothing restored waits to be confirmed',
    },
    failure,
  ),
  quiet(
    'provisional',
    ({ state }) => state.provisional,
    {
      holds: 'No change waits to be confirmed.',
      why: 'It is undone on both units when its time is up.',
      hint: 'lockstep confirm keeps it, lockstep confirm --undo takes it back.',
      fine: 'no change waits',
    },
    warning,
  ),
  quiet(
    'paused',
    ({ state }) => state.paused,
    {
      holds: 'Updates are not paused.',
      why: 'While they are, the standby falls behind.',
      hint: 'lockstep resume on that unit.',
      fine: 'updates go out',
    },
    warning,
  ),
  quiet(
    'branches',
    ({ state: { branches } }) => (branches === 0 ? null : `branches that wait to be merged: ${branches}`),
    {
      holds: 'No branch waits to be merged.',
      why: 'What one side changed while the pair was divided is in none of the two configurations.',
      hint: 'lockstep branches, then lockstep merge NAME --dry-run.',
      fine: 'no branch waits',
    },
    warning,
  ),
  quiet(
    'files',
    ({ state: { files } }) =>
      files.length === 0 ? null : files.map(({ path, message }) => withPath(path, message)).join('; '),
    {
      holds: 'Every file under config/ is committed.',
      why: 'What somebody wrote there is not in force, although it looks so.',
      hint: 'Mend the file, or give it up with lockstep mirror restore FILE.',
      fine: 'every file is committed',
    },
    failure,
  ),
  quiet(
    'store',
    ({ state }) => state.damaged,
    {
      group: 'machine',
      holds: 'The store is whole.',
      why: 'A damaged unit neither commits nor sends nor takes updates.',
      hint: 'lockstep rebuild --from-partner there; on a single unit, restore a bundle.',
      fine: 'nothing is known to be damaged',
    },
    failure,
  ),
];

function short({ unit }: Examination): string {
  return `digest ${unit.digest.slice(0, 12)}`;
}

function bare(sentence: string): string {
  return sentence.replace(/\.$/, '');
}

function withPath(path: string, message: string): string {
  return message.startsWith(path) ? message : `${path}: ${message}`;
}
