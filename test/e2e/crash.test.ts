import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockstepError } from '../../schema/error.ts';
import { canonicalize, type JsonObject } from '../../schema/json.ts';
import type { Change } from '../../store/transition.ts';
import { Random } from '../random.ts';
import { SEED } from '../seed.ts';
import { stepByStep } from '../steps.ts';
import { pairUp, TestUnit, temporaryFolder, untilInStep } from './daemon.ts';

/** How often a daemon is killed; 200 for the whole run. */
const KILLS = Number(process.env.LOCKSTEP_KILLS ?? 20);
const LONGEST_WAIT_MS = 150;
const HOSTS = 200;
const RULES = 400;

/** One number for a set of records, whatever their order: records come and go at the cost of one hash. */
class Sum {
  private readonly bytes: Buffer;

  constructor(bytes = Buffer.alloc(32)) {
    this.bytes = bytes;
  }

  with(at: string, value: JsonObject | undefined): Sum {
    if (value === undefined) return this;
    const hash = createHash('sha256')
      .update(`${at} ${canonicalize(value)}`)
      .digest();
    return new Sum(Buffer.from(this.bytes.map((byte, index) => byte ^ (hash[index] as number))));
  }

  toString(): string {
    return this.bytes.toString('hex');
  }
}

interface State {
  revision: number;
  records: Map<string, JsonObject>;
  sum: Sum;
}

/** Commits on the active unit, one after the other, and remembers every state that was acknowledged. */
class Writer {
  acknowledged: State;
  /** Asked for, but the unit went away before it answered: it may be there, whole, or not at all. */
  unanswered: State | undefined;
  /** Every state that the active unit was in. */
  readonly sums = new Set<string>();
  commits = 0;
  private readonly unit: TestUnit;
  private readonly random: Random;
  private working: Promise<void> = Promise.resolve();
  private paused = true;

  constructor(unit: TestUnit, random: Random, revision: number) {
    this.unit = unit;
    this.random = random;
    this.acknowledged = { revision, records: new Map(), sum: new Sum() };
    this.sums.add(String(this.acknowledged.sum));
  }

  go(): void {
    this.paused = false;
    this.working = this.work();
  }

  /** Resolves when nothing is on its way any more. */
  async pause(): Promise<void> {
    this.paused = true;
    await this.working;
  }

  /** What the disk says about the unanswered commit. */
  settle(revision: number): void {
    if (this.unanswered?.revision === revision) this.take(this.unanswered);
    this.unanswered = undefined;
  }

  private async work(): Promise<void> {
    while (!this.paused) {
      const changes = this.next();
      const after = this.after(changes);
      try {
        const { revision } = await this.unit.api.call('change', { changes });
        assert.equal(revision, after.revision);
        this.take(after);
        this.commits++;
      } catch (error) {
        if (!(error instanceof LockstepError) || error.code !== 'unit-unreachable') throw error;
        this.unanswered = after;
        return;
      }
      await sleep(this.random.next() * 20);
    }
  }

  private take(state: State): void {
    this.acknowledged = state;
    this.sums.add(String(state.sum));
  }

  /** Mostly a few small records; now and then so much that an update takes several frames. */
  private next(): Change[] {
    const large = this.random.next() < 0.03;
    const count = large ? RULES : 1 + Math.floor(this.random.next() * 20);
    const names = new Set(
      Array.from({ length: count }, (_, index) =>
        large ? `rules/r${index}` : `hosts/h${Math.floor(this.random.next() * HOSTS)}`,
      ),
    );
    return [...names].map(at => this.changeOf(at, large));
  }

  private changeOf(at: string, large: boolean): Change {
    const number = Math.floor(this.random.next() * 2 ** 32);
    if (large)
      return {
        op: 'put',
        path: at,
        value: { type: 'match-content', pattern: `${number} `.padEnd(1000, 'x') },
      };
    if (this.acknowledged.records.has(at) && this.random.next() < 0.3) return { op: 'remove', path: at };
    return {
      op: 'put',
      path: at,
      value: { address: [10, number >>> 24, (number >>> 16) & 255, number & 255].join('.') },
    };
  }

  private after(changes: Change[]): State {
    const records = new Map(this.acknowledged.records);
    let { sum } = this.acknowledged;
    for (const change of changes) {
      const value = change.op === 'put' ? change.value : undefined;
      sum = sum.with(change.path, records.get(change.path)).with(change.path, value);
      if (value === undefined) records.delete(change.path);
      else records.set(change.path, value);
    }
    return { revision: this.acknowledged.revision + 1, records, sum };
  }
}

/** What is on the disk of a unit, in one view. */
function onDisk(
  unit: TestUnit,
): Promise<{ revision: number; digest: string; sum: Sum; records: Map<string, JsonObject> }> {
  return unit.stored(async store => {
    const snapshot = await store.snapshot();
    const records = new Map<string, JsonObject>();
    let sum = new Sum();
    for (const group of ['hosts', 'rules']) {
      for await (const { path: at, value } of snapshot.list(group)) {
        records.set(at, value);
        sum = sum.with(at, value);
      }
    }
    const { revision, digest } = snapshot.head;
    snapshot.close();
    return { revision, digest, sum, records };
  });
}

describe(`kill -9 of either daemon at ${KILLS} random moments (LOCKSTEP_SEED=${SEED})`, function () {
  this.timeout(60_000 + KILLS * 10_000);
  stepByStep();
  const random = new Random(SEED);
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.73.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.73.2');
  /** So many restarts would pacify it. */
  const serve = async (unit: TestUnit): Promise<void> => {
    await unit.start('--interval', '1', '--every-commit');
    await unit.api.call('resume');
  };
  const moments: string[] = [];
  let writer: Writer;

  before(async () => {
    await Promise.all([
      ha1.init({ mode: 'first', name: 'lb1', address: '10.0.0.11/24', partner: '10.0.0.12' }).then(serve),
      ha2.init({ mode: 'second', name: 'lb2', address: '10.0.0.12/24', partner: '10.0.0.11' }).then(serve),
    ]);
    await pairUp(ha1, ha2);
    writer = new Writer(ha1, random, (await ha1.status()).unit.revision);
    writer.go();
  });

  after(async () => {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  });

  async function killActive(): Promise<void> {
    await ha1.kill();
    await writer.pause();
    const disk = await onDisk(ha1);
    const allowed = [writer.acknowledged, ...(writer.unanswered === undefined ? [] : [writer.unanswered])];
    assert.ok(
      allowed.some(({ revision, sum }) => revision === disk.revision && String(sum) === String(disk.sum)),
      `the disk holds revision ${disk.revision}; acknowledged was ${writer.acknowledged.revision}`,
    );
    writer.settle(disk.revision);
    await assertStandbyHolds(disk.digest);
    await serve(ha1);
    assert.equal(
      (await ha1.status()).unit.revision,
      writer.acknowledged.revision,
      'the start changed something',
    );
    writer.go();
  }

  async function killStandby(): Promise<void> {
    await ha2.kill();
    const { digest } = (await ha1.status()).unit;
    await assertStandbyHolds(digest);
    await serve(ha2);
  }

  /** Some state of the active unit, whole. */
  async function assertStandbyHolds(activeDigest: string): Promise<void> {
    const standby = await onDisk(ha2);
    const last = writer.acknowledged;
    const known =
      writer.sums.has(String(standby.sum)) || String(writer.unanswered?.sum) === String(standby.sum);
    // A commit may have reached the standby before its answer reached the writer.
    if (!known) await writer.pause();
    const whole = known || writer.sums.has(String(standby.sum));
    if (!known) writer.go();
    assert.ok(
      whole,
      `the standby holds a state that the active unit never had (acknowledged was ${last.revision})`,
    );
    moments[moments.length - 1] += standby.digest === activeDigest ? '' : ' (in an update)';
  }

  it('nothing that was acknowledged is lost, and the standby always holds a state of the active unit', async () => {
    for (let kill = 1; kill <= KILLS; kill++) {
      if (random.next() < 0.75) await untilConnected();
      const waitMs = Math.round(random.next() * LONGEST_WAIT_MS);
      const active = random.next() < 0.5;
      await sleep(waitMs);
      moments.push(`${active ? 'active' : 'standby'} after ${waitMs} ms`);
      try {
        await (active ? killActive() : killStandby());
      } catch (error) {
        (error as Error).message += ` (kill ${kill}: ${moments.at(-1)})`;
        throw error;
      }
    }
    process.stdout.write(
      `      ${writer.commits} commits, ${moments.filter(moment => moment.endsWith('update)')).length} kills in an update: ${moments.join(', ')}\n`,
    );
  });

  it('both end in step without help, and hold exactly what was acknowledged', async () => {
    await writer.pause();
    await untilInStep(ha1, ha2);
    for (const unit of [ha1, ha2])
      assert.deepEqual(
        (await onDisk(unit)).records,
        new Map([...writer.acknowledged.records].sort(([a], [b]) => (a < b ? -1 : 1))),
      );
  });

  it('the mirrors took no file of the past for an edit', async () => {
    for (const unit of [ha1, ha2]) {
      assert.deepEqual((await unit.status()).files, []);
      const kinds = new Set(
        (await unit.api.call('history', { limit: 1000 })).revisions.map(({ kind }) => kind),
      );
      assert.equal(kinds.has('file'), false);
    }
  });

  /** Most moments are looked for while updates travel; the others come while the units still look for each other. */
  async function untilConnected(): Promise<void> {
    const deadline = performance.now() + 20_000;
    while ((await ha1.status()).partner?.seen !== true) {
      if (performance.now() > deadline)
        assert.fail(`the units do not find each other: ${JSON.stringify((await ha1.status()).sync)}`);
      await sleep(20);
    }
  }
});
