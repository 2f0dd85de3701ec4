import { type Check, failure, notChecked, ofBoth, ofEach, ok, UNKNOWN, type Verdict } from './check.ts';
import type { Examination } from './examination.ts';

const BETWEEN = { group: 'connection', ofPair: true } as const;
/** The units must answer each other below this, milliseconds (docs/DOMAIN.md, Rules). */
const MAX_LATENCY_MS = 100;

export const connectionChecks: Check[] = [
  {
    ...BETWEEN,
    code: 'reaches-partner',
    holds: 'Each unit reaches the other on its port.',
    why: 'Updates, takeovers and this examination travel there, and each unit dials the other.',
    hint: 'Is lockstep serve running there, and the port open in both directions?',
    check: ({ here, there }) => {
      const sides = { here: reach(here), ...(there === null ? {} : { there: reach(there) }) };
      if (here.connection.pinned === null)
        return failure('this unit has no partner', {
          ...sides,
          hint: 'lockstep pair --invite on one unit, and what it prints on the other.',
        });
      const dumb = [here, there].find(unit => unit !== null && !unit.connection.reaches);
      if (dumb)
        return failure(
          `${dumb.unit.name} does not reach its partner: ${bare(dumb.connection.because)}`,
          sides,
        );
      return ok('each reaches the other', sides);
    },
  },
  {
    group: 'connection',
    code: 'listening',
    holds: 'Each unit listens on its port for the other.',
    why: 'The other unit cannot send an update to a port that nobody listens on.',
    hint: 'lockstep status says what keeps the unit from it; ss -ltn shows who listens.',
    check: facts =>
      ofEach(facts, ({ connection: { port, listening } }) => {
        const fact = `TCP ${port}`;
        if (listening === null)
          return { ...notChecked('this machine does not say what listens on it'), fact };
        return listening ? { ...ok('it listens'), fact } : { ...failure(`nothing listens on ${fact}`), fact };
      }),
  },
  {
    ...BETWEEN,
    code: 'partner-key',
    holds: 'Each unit shows the key that the other pinned.',
    why: 'Another key is another machine: a replacement that nobody told, or somebody in between.',
    hint: 'If the unit was replaced: lockstep pair --invite --replace. If not, find out who answers there.',
    check: facts => {
      const { here } = facts;
      const refused = [here, facts.there].find(unit => unit?.connection.refusal === 'key-mismatch');
      if (refused) return failure(bare(refused.connection.because), { here: pinned(here) });
      if (here.connection.pinned === null) return notChecked('there is no partner yet');
      return ofBoth(facts, (own, other) => keys(own, other));
    },
  },
  {
    ...BETWEEN,
    code: 'latency',
    holds: `The units answer each other within ${MAX_LATENCY_MS} ms.`,
    why: 'Past that, the units take each other for lost, and connections are handed over too late.',
    hint: 'ping the partner; units of a pair belong into one place and one network.',
    check: ({ latencyMs }) => {
      if (latencyMs === null) return notChecked(UNKNOWN);
      const here = `${latencyMs < 10 ? latencyMs.toFixed(1) : Math.round(latencyMs)} ms there and back`;
      return latencyMs < MAX_LATENCY_MS
        ? ok('the partner answers in time', { here })
        : failure('the partner answers too late', { here });
    },
  },
];

function reach({ connection: { reaches, because } }: Examination): string {
  return reaches ? 'connected' : because;
}

function pinned({ connection }: Examination): string {
  return `pinned ${connection.pinned ?? 'none'}`;
}

function keys(own: Examination, other: Examination): Verdict {
  const sides = { here: `shows ${own.unit.fingerprint}`, there: `shows ${other.unit.fingerprint}` };
  if (own.connection.pinned !== other.unit.fingerprint)
    return failure(`this unit pinned ${own.connection.pinned} for ${other.unit.name}`, sides);
  if (other.connection.pinned !== own.unit.fingerprint)
    return failure(`${other.unit.name} pinned ${other.connection.pinned} for this unit`, sides);
  return ok('each key is the one that was pinned', sides);
}

function bare(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
