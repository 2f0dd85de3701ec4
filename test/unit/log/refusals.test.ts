import assert from 'node:assert/strict';
import { LockstepError } from '../../../schema/error.ts';
import { Refusals } from '../../../unit/log/refusals.ts';
import { Metrics } from '../../../unit/metrics.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from './kept-log.ts';

describe('refusals of a unit', () => {
  const timers = new ManualTimers();
  const metrics = new Metrics();
  const { log, lines } = keptLog();
  const refusals = new Refusals({ timers, log, metrics });
  const counted = async (reason: string): Promise<string | undefined> =>
    new RegExp(`lockstep_refusals_total{reason="${reason}"} (\\d+)`).exec(await metrics.render({}))?.[1];
  beforeEach(() => {
    lines.length = 0;
    timers.advance(120_000);
  });

  it('are all counted, and told once in a minute with how often they came again', async () => {
    for (let time = 0; time < 4; time++)
      refusals.connection({ source: '10.0.0.9', reason: 'unknown key', detail: 'SHA256:x' });
    timers.advance(60_000);
    refusals.connection({ source: '10.0.0.9', reason: 'unknown key', detail: 'SHA256:x' });
    const facts = { source: '10.0.0.9', reason: 'unknown key', detail: 'SHA256:x' };
    assert.deepEqual(lines, [
      { level: 'warn', facts, message: 'connection refused' },
      { level: 'warn', facts: { ...facts, again: 3 }, message: 'connection refused' },
    ]);
    assert.equal(await counted('connection'), '5');
  });

  it('of messages are one kind by their code, however the sender varies the words', async () => {
    const refuse = (code: 'bad-message' | 'not-standby', words: string): void =>
      refusals.message(new LockstepError(code, words), 'lb2');
    refuse('bad-message', 'one');
    refuse('bad-message', 'two');
    refuse('not-standby', 'three');
    assert.deepEqual(
      lines.map(({ facts }) => facts),
      [
        { source: 'lb2', reason: 'one', code: 'bad-message' },
        { source: 'lb2', reason: 'three', code: 'not-standby' },
      ],
    );
    assert.equal(await counted('bad-message'), '2');
  });
});
