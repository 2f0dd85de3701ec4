import assert from 'node:assert/strict';
import { ASSAULTS } from '../faults/assaults.ts';
import { AttackedPair } from '../faults/attacked-pair.ts';

/** Small ones; `npm run faults` makes them large. */
const TRIES: Record<string, number> = {
  'idle sockets': 300,
  'endless first lines': 5,
  'login attempts with wrong passwords and keys': 13,
  pings: 5_000,
  'peers that ignore their window': 1,
  'peers that never read the answers': 1,
};

describe('a daemon under attack: the true partner is served, memory and log stay small', function () {
  this.timeout(60_000);
  let pair: AttackedPair;

  before(async () => {
    pair = await AttackedPair.start();
  });
  after(() => pair.stop());

  for (const assault of ASSAULTS) {
    const tries = TRIES[assault.name] ?? assert.fail(assault.name);
    it(`${tries} ${assault.name}`, async () => {
      const { lost, changes } = await pair.under(assault, tries);
      assert.ok(changes > 0);
      assert.equal(lost, 0);
    });
  }
});
