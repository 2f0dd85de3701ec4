import assert from 'node:assert/strict';
import fc from 'fast-check';
import { makeSelfSigned } from '../../certs/self-signed.ts';
import { LockstepError } from '../../schema/error.ts';
import { unitScopedFields } from '../../schema/record.ts';
import { catalog, MemoryPair, type MemoryUnit } from './pair-in-memory.ts';
import { marksIn, START, type Step, steps } from './site.ts';

/** A pair that lives through random steps, and what each unit has said of itself alone. */
class Life {
  readonly pair: MemoryPair;
  /** Marks that were ever a value of a unit alone. */
  readonly marks = new Set<string>();
  /** What the standby holds of its own: a record that an update takes away keeps its own half for when it returns. */
  private readonly ownOfStandby = new Map<string, string>();

  constructor(pair: MemoryPair) {
    this.pair = pair;
  }

  async take(step: Step): Promise<void> {
    const unit = step.on === 'active' ? this.pair.first : this.pair.second;
    await (step.do === 'update' ? this.update() : unlessRefused(() => act(unit, step)));
    for (const own of (await unit.ownHalves()).values())
      for (const mark of marksIn(own)) this.marks.add(mark);
    if (step.on === 'standby') await this.lookAtStandby();
  }

  async update(): Promise<void> {
    const { first, second } = this.pair;
    const ownOfActive = await first.ownHalves();
    await first.link.forceUpdate();
    assert.equal(second.store.head.digest, first.store.head.digest, 'equal digests');
    assert.deepEqual(await second.shared(), await first.shared(), 'equal content');
    assert.deepEqual(await first.ownHalves(), ownOfActive, 'the active unit keeps its own values');
    for (const [path, own] of await second.ownHalves()) {
      assert.equal(own, this.ownOfStandby.get(path), `the standby keeps its own values of ${path}`);
    }
    for (const path of this.ownOfStandby.keys()) {
      const there = (await second.store.read(path)) !== undefined;
      assert.equal((await second.ownHalves()).has(path), there, `${path} keeps its own half`);
    }
  }

  /** Nothing that belongs to a unit alone is on the wire: no byte of a value, and no field. */
  assertNothingLeaked(): void {
    const wire = Buffer.concat(this.pair.frames.map(({ payload }) => payload)).toString('latin1');
    for (const mark of this.marks) assert.ok(!wire.includes(mark), `${mark} crossed`);
    for (const request of this.pair.requests()) {
      if (request.type !== 'update') continue;
      for (const { path, value } of request.changes) {
        assert.deepEqual(value === null ? [] : unitScopedFields(catalog.kindOf(path), value), [], path);
      }
    }
  }

  private async lookAtStandby(): Promise<void> {
    const visible = await this.pair.second.ownHalves();
    for (const path of this.ownOfStandby.keys()) {
      const there = (await this.pair.second.store.read(path)) !== undefined;
      if ((there || catalog.kindOf(path).scope === 'unit') && !visible.has(path))
        this.ownOfStandby.delete(path);
    }
    for (const [path, own] of visible) this.ownOfStandby.set(path, own);
  }
}

async function act(unit: MemoryUnit, step: Exclude<Step, { do: 'update' }>): Promise<void> {
  if (step.do === 'commit') await unit.commit(...step.changes);
  else {
    const revision = Math.max(1, unit.store.head.revision - step.back);
    await unit.store.rollback(revision, { author: 'ada', reason: 'back' });
  }
}

/** Random changes break rules now and then; then nothing happens, and that is as good as any other step. */
async function unlessRefused(change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!(error instanceof LockstepError) || error.class === 'damaged') throw error;
  }
}

describe('whatever is changed, on either unit', () => {
  it('after an update both hold the same, each keeps its own, and nothing of a unit alone ever crosses', async () => {
    let marks = 0;
    await fc.assert(
      fc.asyncProperty(steps, async all => {
        const life = new Life(await MemoryPair.open('disk'));
        try {
          await life.take({ on: 'active', do: 'commit', changes: START });
          await life.pair.connect();
          await life.pair.first.reaches('in-step');
          for (const step of all) await life.take(step);
          await life.update();
          life.assertNothingLeaked();
          marks += life.marks.size;
        } finally {
          await life.pair.close();
        }
      }),
      { numRuns: 50, interruptAfterTimeLimit: 15_000 },
    );
    assert.ok(marks > 100, `only ${marks} values were looked for`);
  });

  it('the certificate of the web interface stays where it is, whole', async () => {
    const pair = await MemoryPair.open('memory');
    try {
      const { certificate, key } = makeSelfSigned({
        commonName: 'lb-a',
        names: [],
        addresses: [],
        now: new Date(),
        days: 9,
      });
      const { first, second } = pair;
      const { digest } = first.store.head;
      await first.put('webCertificate', { certificate, key, selfSigned: true });
      assert.equal(first.store.head.digest, digest, 'the digest does not know it');
      await first.put('rules/one', { type: 'modify-url', pattern: '^a' });
      await pair.connect();
      await first.reaches('in-step');
      assert.notEqual(await second.store.read('rules/one'), undefined);
      assert.equal(await second.store.read('webCertificate'), undefined);
      const wire = Buffer.concat(pair.frames.map(({ payload }) => payload)).toString('latin1');
      assert.ok(wire.includes('modify-url'));
      for (const secret of [
        'webCertificate',
        key.split('\n')[1] as string,
        certificate.split('\n')[3] as string,
      ])
        assert.ok(!wire.includes(secret), secret);
    } finally {
      await pair.close();
    }
  });

  it('the marks are looked for where they would be', () => {
    assert.deepEqual(marksIn('{"hostname":"q0123456789abcdef"}'), ['q0123456789abcdef']);
    assert.deepEqual(marksIn('["fd00:1:1000:1001:1002:1003:1004:1005/64"]'), [
      'fd00:1:1000:1001:1002:1003:1004:1005',
    ]);
    assert.equal(marksIn(`$scrypt$ln=15,r=8,p=1$${'a'.repeat(22)}$${'b'.repeat(43)}`).length, 1);
  });
});
