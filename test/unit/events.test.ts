import assert from 'node:assert/strict';
import { Events } from '../../unit/events.ts';
import { keptLog } from './log/kept-log.ts';

describe('what happens in a unit', () => {
  it('is told to all who listen, in the order in which they came', () => {
    const events = new Events(keptLog().log);
    const told: string[] = [];
    events.on('roleChanged', ({ role }) => told.push(`first ${role}`));
    events.onAny(['roleChanged', 'mended'], () => told.push('second'));
    events.on('roleChanged', ({ epoch }) => told.push(`third ${epoch}`));
    events.emit('roleChanged', { role: 'active', epoch: 7 });
    assert.deepEqual(told, ['first active', 'second', 'third 7']);
    events.emit('mended', {});
    assert.deepEqual(told.slice(3), ['second']);
  });

  it('reaches the others when a listener fails, and the log says so', () => {
    const { log, lines } = keptLog();
    const events = new Events(log);
    let reached = 0;
    events.on('mended', () => {
      throw new Error('no room');
    });
    events.on('mended', () => reached++);
    events.emit('mended', {});
    assert.equal(reached, 1);
    assert.deepEqual(lines, [
      { level: 'error', facts: { event: 'mended', reason: 'Error: no room' }, message: 'a listener failed' },
    ]);
  });

  it('is not told to who stopped listening, also when that happens while it is told', () => {
    const events = new Events(keptLog().log);
    const told: string[] = [];
    events.on('mended', () => {
      told.push('first');
      stop();
    });
    const stop = events.on('mended', () => told.push('second'));
    events.on('mended', () => told.push('third'));
    events.emit('mended', {});
    assert.deepEqual(told, ['first', 'third']);
  });

  it('is told twice to a listener that came twice, and once when it leaves once', () => {
    const events = new Events(keptLog().log);
    let calls = 0;
    const listener = () => calls++;
    const stop = events.on('mended', listener);
    events.on('mended', listener);
    events.emit('mended', {});
    assert.equal(calls, 2);
    stop();
    stop();
    events.emit('mended', {});
    assert.equal(calls, 3);
  });
});
