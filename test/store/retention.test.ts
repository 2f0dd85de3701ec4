import assert from 'node:assert/strict';
import fc from 'fast-check';
import { oldestToKeep, type Retention } from '../../store/retention.ts';

const asked: Retention = { least: 100, days: 365, most: 1_000 };
const facts = { newest: 5_000, oldest: 0, aged: 0, needed: [] };

describe('the oldest revision to keep', () => {
  it('of more than so many, the oldest go', () => {
    assert.deepEqual(oldestToKeep(asked, facts), { revision: 4_001, because: 'most' });
  });

  it('what is older than so many days goes, though there are few', () => {
    assert.deepEqual(oldestToKeep(asked, { ...facts, newest: 800, aged: 300 }), {
      revision: 301,
      because: 'days',
    });
  });

  it('some stay, however old they are', () => {
    assert.deepEqual(oldestToKeep(asked, { ...facts, newest: 800, aged: 790 }), {
      revision: 701,
      because: 'least',
    });
  });

  it('what the partner lacks stays, however much it is', () => {
    const needed = [{ revision: 12, by: 'partner' as const }];
    assert.deepEqual(oldestToKeep(asked, { ...facts, needed }), { revision: 12, because: 'partner' });
  });

  it('what is gone does not come back when somebody asks for more', () => {
    const more = { ...asked, most: 100_000 };
    assert.equal(oldestToKeep(more, { ...facts, oldest: 4_001 }).revision, 4_001);
  });

  it('never goes back, never takes what is needed or the last revisions, and never one that is not there', () => {
    const number = fc.nat(10_000);
    const retention = fc.record({
      least: fc.integer({ min: 1, max: 500 }),
      days: fc.constant(1),
      most: fc.integer({ min: 1, max: 5_000 }),
    });
    fc.assert(
      fc.property(
        retention,
        number,
        number,
        number,
        fc.array(number),
        (wanted, newest, oldest, aged, needs) => {
          fc.pre(oldest <= newest && aged <= newest);
          const needed = needs.map(revision => ({ revision, by: 'partner' as const }));
          const { revision } = oldestToKeep(wanted, { newest, oldest, aged, needed });
          assert.ok(revision >= oldest);
          if (revision === oldest) return;
          assert.ok(revision <= newest - wanted.least + 1);
          for (const need of needs) assert.ok(revision <= need);
        },
      ),
    );
  });
});
