import assert from 'node:assert/strict';
import { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Change } from '../../store/transition.ts';
import { Random } from '../random.ts';
import { SEED } from '../seed.ts';
import { type AuditedPair, type AuditedUnit, openAudited } from './audited-pair.ts';

const STEPS = 10_000;
const LIVES = 50;

const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });

/** Not everything that is tried is possible at that moment. */
function refused(error: unknown): void {
  assert.ok(error instanceof LockstepError && error.class !== 'damaged', String(error));
}

/** What an operator may do; none of it is drift. */
class Operators {
  private readonly random: Random;
  private readonly audited: AuditedPair;
  private readonly done: Record<string, number>;

  constructor(audited: AuditedPair, seed: number, done: Record<string, number>) {
    this.done = done;
    this.audited = audited;
    this.random = new Random(seed);
  }

  private get active(): AuditedUnit {
    const { first, second } = this.audited;
    return first.unit.store.head.role === 'active' ? first : second;
  }

  private get standby(): AuditedUnit {
    const { first, second } = this.audited;
    return this.active === first ? second : first;
  }

  async step(): Promise<void> {
    const act = this.random.weighted([
      [40, 'commit'],
      [20, 'update'],
      [10, 'update at once'],
      [10, 'interval'],
      [5, 'unit change'],
      [4, 'rollback'],
      [4, 'audit'],
      [3, 'lost receipt'],
      [2, 'takeover'],
      [2, 'cut'],
    ] as const);
    this.done[act] = (this.done[act] ?? 0) + 1;
    await this.acts[act]?.();
    if (this.random.chance(0.3)) await new Promise(resolve => setImmediate(resolve));
  }

  private readonly acts: Record<string, () => Promise<unknown>> = {
    commit: () => this.active.unit.commit(this.edit()).catch(refused),
    update: async () => this.active.unit.link.due(), // it goes on while the next steps are made
    'update at once': () => this.active.unit.link.forceUpdate().catch(refused),
    interval: async () => void Promise.all([this.active.auditing.due(), this.standby.auditing.due()]),
    'unit change': () =>
      this.standby.unit.put('time', { ntpHosts: [`t${this.random.between(0, 9)}.site.example`] }),
    rollback: async () => {
      const { store } = this.active.unit;
      const revision = Math.max(1, store.head.revision - this.random.between(1, 5));
      await store.rollback(revision, { author: 'ada', reason: 'back' }).catch(refused);
    },
    audit: () =>
      this.random
        .pick([this.active, this.standby])
        .auditing.audit({ a: { of: 'local' }, b: { of: 'partner' } })
        .catch(refused),
    'lost receipt': async () => {
      const { pair } = this.audited;
      pair.fate = ({ payload }) => (payload.includes('"receipt"') ? 'cut' : 'arrives');
      await this.active.unit.link.forceUpdate().catch(refused);
      pair.fate = () => 'arrives';
      pair.cut();
      await pair.reconnect();
    },
    takeover: () => this.standby.unit.link.takeOver(false).catch(refused),
    cut: async () => {
      this.audited.pair.cut();
      await this.audited.pair.reconnect();
    },
  };

  private edit(): Change {
    const path = `hosts/h${this.random.between(0, 40)}`;
    if (this.random.chance(0.1)) return { op: 'remove', path: 'hosts' };
    return put(path, { address: `10.0.${this.random.between(0, 3)}.${this.random.between(1, 254)}` });
  }
}

describe(`${STEPS.toLocaleString('en')} random steps of commits and updates`, function () {
  this.timeout(120_000);

  it('raise no alarm on either unit, however updates, audits, takeovers and lost receipts meet', async () => {
    const done: Record<string, number> = {};
    // Many short lives, since a store in memory is copied by each look at it.
    for (let life = 0; life < LIVES; life++) {
      const audited = await openAudited();
      await liveOn(audited, SEED + life, done).finally(() => audited.close());
    }
    assert.ok(Number(done.takeover) > 100 && Number(done['lost receipt']) > 100, JSON.stringify(done));
  });
});

async function liveOn(audited: AuditedPair, seed: number, done: Record<string, number>): Promise<void> {
  const { pair, first, second } = audited;
  await first.unit.put('hosts/h0', { address: '10.0.0.1' });
  await pair.connect();
  await first.unit.link.forceUpdate();
  const operators = new Operators(audited, seed, done);
  for (let step = 1; step <= STEPS / LIVES; step++) {
    await operators.step();
    for (const { auditing, unit } of [first, second])
      assert.deepEqual(
        (await auditing.auditHistory()).reports,
        [],
        `${unit.mode}, seed ${seed}, step ${step}`,
      );
  }
  for (const { auditing, lines } of [first, second]) {
    await auditing.due();
    assert.deepEqual(
      lines.filter(({ message }) => message === 'drift found'),
      [],
    );
  }
}
