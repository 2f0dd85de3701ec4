import assert from 'node:assert/strict';
import { LockstepError } from '../../schema/error.ts';
import { MemoryPair } from './pair-in-memory.ts';

describe('a unit that examines its partner', () => {
  let pair: MemoryPair;
  beforeEach(async () => {
    pair = await MemoryPair.open('memory');
  });
  afterEach(() => pair.close());

  it('gets what the partner says, for the nonce that it gave', async () => {
    await pair.connect();
    assert.deepEqual(await pair.first.link.examine('abc'), { nonce: 'abc' });
    assert.deepEqual(await pair.second.link.examine('def'), { nonce: 'def' });
  });

  it('measures the way there and back, and the difference of the clocks in the middle of it', async () => {
    await pair.connect();
    const { ms, skewMs } = await pair.first.link.roundTrip();
    assert.ok(ms >= 0);
    assert.ok(skewMs === -ms / 2); // both units of this pair have one clock, which stands still
  });

  it('is told why there is no answer', async () => {
    for (const asked of [pair.first.link.examine('abc'), pair.first.link.roundTrip()])
      await assert.rejects(
        asked,
        (error: unknown) => error instanceof LockstepError && error.code === 'partner-unreachable',
      );
  });
});
