/** An audit of a pair by its daemons, with the partner asked over SSH. */
import { aimAt, bytesOf, costOf, type Figure } from './figure.ts';
import { crossing } from './network.ts';
import type { Stage } from './stage.ts';
import { timed } from './timing.ts';

const PAIR = { a: { of: 'local' }, b: { of: 'partner' } } as const;
const ROUNDS = 15;
/** Before any counts, see Rounds. */
const WARM_UPS = 100;
const DIFFERING = 10;

/** Equal units; then with changes that the standby has not got yet. Leaves the pair in step. */
export async function pairAudit(stage: Stage): Promise<Figure[]> {
  const { services, pair } = stage;
  const equal = await audits(stage, 'same');
  await pair.active.api.call('change', { changes: stage.renames(DIFFERING) });
  const differing = await audits(stage, 'drift');
  await stage.forceUpdate();
  const inside = (what: string, samples: number[], rest: object = {}): Figure => ({
    ...{ services, what: `audit of ${what}, in the daemon`, measured: costOf(samples, rest) },
  });
  return [
    {
      ...inside('equal units', equal.inside, bytesOf(equal.bytes)),
      ...aimAt(services, { ms: 5, bytes: 2048 }),
    },
    { services, what: 'audit of equal units, over the API', measured: costOf(equal.times) },
    {
      ...inside(`units that differ in ${DIFFERING} records`, differing.inside, bytesOf(differing.bytes)),
      ...aimAt(services, { ms: 10 }),
    },
  ];
}

async function audits({ pair }: Stage, verdict: 'same' | 'drift') {
  const [inside, times]: [number[], number[]] = [[], []];
  const bytes: (number | undefined)[] = [];
  for (let round = 0; round < WARM_UPS; round++) await pair.active.api.call('audit', PAIR);
  for (let round = 0; round < ROUNDS; round++) {
    const audit = await crossing(() => timed(() => pair.active.api.call('audit', PAIR)));
    const { ms, result: report } = audit.result;
    if (report.verdict !== verdict) throw new Error(`an audit says ${report.verdict}`);
    inside.push(report.ms);
    times.push(ms);
    bytes.push(audit.bytes);
  }
  return { inside, times, bytes };
}
