import { type Check, failure, same, warning } from './check.ts';

const RELEASE = { group: 'release', ofPair: true } as const;

export const releaseChecks: Check[] = [
  {
    ...RELEASE,
    code: 'same-model',
    holds: 'Both units are the same model.',
    why: 'A smaller unit cannot carry what the larger one served, and updates are refused.',
    hint: 'lockstep show licence on both units; make them equal.',
    check: facts => same(facts, 'the model', ({ unit }) => unit.model, failure),
  },
  {
    ...RELEASE,
    code: 'same-release',
    holds: 'Both units run the same release.',
    why: 'What the other release describes differently is held back, and missing after a takeover.',
    hint: 'Bring both units to the same release; the standby first.',
    check: facts => same(facts, 'the release', ({ unit }) => unit.release, warning),
  },
  {
    ...RELEASE,
    code: 'same-schema',
    holds: 'Both units describe their records alike.',
    why: 'Records of kinds that differ wait until both describe them alike.',
    hint: 'The same release and the same files in schema.d/ on both units.',
    check: facts => same(facts, 'the schema', ({ unit }) => unit.schemaDigest.slice(0, 12), warning),
  },
];
