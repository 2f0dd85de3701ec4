/** The runner with a journal on the disk, and ports that do as they are told. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Journal } from '../../replace/journal.ts';
import type { UnitSeen } from '../../replace/observe.ts';
import type { Plan, PlannedUnit } from '../../replace/plan.ts';
import { type RunnerPorts, run } from '../../replace/runner.ts';
import { LockstepError } from '../../schema/error.ts';

const UNIT = { mode: 'first' as const, model: 'VLM', release: '2.0.0', addresses: {}, virtualId: 1 };
const planned = (id: string, mode: 'first' | 'second'): PlannedUnit => ({
  ...UNIT,
  mode,
  id,
  name: id,
  place: { unit: id },
  fingerprint: id,
});
const plan: Plan = {
  version: 1,
  kind: 'shrink',
  at: '',
  by: 'ada',
  units: { A: planned('a', 'first'), B: planned('b', 'second') },
  bundles: {},
  accept: [],
  others: [],
  preferredHost: 'none',
};

/** The survivor, after all but the last step. */
const alone = (partner: UnitSeen['partner']): UnitSeen => ({
  ...UNIT,
  id: 'a',
  name: 'a',
  role: 'active',
  epoch: 1,
  pacified: null,
  digest: '',
  revision: 1,
  established: true,
  unconfirmed: false,
  partner,
  state: '',
  preferredHost: 'none',
  branches: [],
});

describe('the runner of a replacement', () => {
  let folder: string;
  let journal: Journal;
  const bundles = { 'a.lockstep': 'x', 'b.lockstep': 'x', 'certificates.certs.lockstep': 'x' };

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'lockstep-'));
    journal = await Journal.start(folder, plan, 'ada');
    for (const step of ['backup-a', 'backup-b', 'backup-certificates'])
      await journal.write('done', step, { sha256: 'x' });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** `act` gives the partner up, and then ends as told. */
  function ports(fails: LockstepError | undefined, isDone: boolean): RunnerPorts {
    let [partner, now]: [UnitSeen['partner'], number] = [{ name: 'b', fingerprint: 'b', seen: false }, 0];
    return {
      look: async () => ({ units: { A: alone(partner) }, silent: { B: 'off' }, others: [], bundles }),
      act: async action => {
        if (action.do === 'restart') return { startedAt: 'later' };
        if (isDone) partner = null;
        if (fails !== undefined) throw fails;
        return { partner: 'b' };
      },
      pause: async () => {
        now += 1_000;
      },
      clock: () => now,
      tell: () => undefined,
    };
  }
  const lost = new LockstepError('unit-unreachable', 'The unit went away before it answered.');

  it('an answer that was lost is no failure when the step is seen done', async () => {
    assert.deepEqual(await run(journal, ports(lost, true), { wait: false }), { is: 'done' });
    assert.equal(journal.facts.unpair?.answerLost, true);
  });

  it('it is one when it is not, and the next run goes on there', async () => {
    await assert.rejects(run(journal, ports(lost, false), { wait: false }), { code: 'unit-unreachable' });
    const later = await Journal.open(folder, 'eve');
    assert.deepEqual(await run(later, ports(undefined, true), { wait: false }), { is: 'done' });
    assert.deepEqual(
      later.entries.filter(({ step }) => step === 'unpair').map(({ by, event }) => `${by} ${event}`),
      ['ada begun', 'ada refused', 'eve begun', 'eve done'],
    );
  });

  it('a step that does not end is told, with what is missing', async () => {
    await assert.rejects(run(journal, ports(undefined, false), { wait: false }), {
      code: 'replace-step',
      message: /A \(a\) has a partner/,
    });
  });

  it('a unit that died once too often meanwhile is told at once, and not waited for', async () => {
    const hers = ports(undefined, false);
    let acted = false;
    const { act, look } = hers;
    hers.act = action => {
      acted = true;
      return act(action);
    };
    hers.look = async () => {
      const seen = await look();
      const { A } = seen.units;
      return acted && A !== undefined ? { ...seen, units: { A: { ...A, pacified: 4 } } } : seen;
    };
    await assert.rejects(run(journal, hers, { wait: false }), {
      message: /A \(a\) is pacified: .*A \(a\) has a partner/,
    });
    assert.equal(hers.clock(), 0);
  });

  it('a line of the journal that a power failure cut off is left out, and written over', async () => {
    const file = path.join(folder, 'journal.jsonl');
    appendFileSync(file, '{"at":"2026-11-22T08:00');
    const later = await Journal.open(folder, 'eve');
    assert.equal(later.entries.length, 4);
    await later.write('begun', 'unpair');
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.deepEqual([lines.length, JSON.parse(lines.at(-1) as string).step], [5, 'unpair']);
  });

  it('a folder holds one replacement', async () => {
    await assert.rejects(Journal.start(folder, plan, 'eve'), { code: 'file-exists' });
    await assert.rejects(Journal.open(path.join(folder, 'none'), 'eve'), { code: 'no-replacement' });
  });
});
