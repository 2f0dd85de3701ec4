import assert from 'node:assert/strict';
import { initialState, type SyncState } from '../../../sync/state.ts';
import { Events } from '../../../unit/events.ts';
import { PairWatch } from '../../../unit/pair/pair-watch.ts';
import { ownFacts, partnerHello } from '../../sync/facts.ts';
import { keptLog } from '../log/kept-log.ts';

const down: SyncState = { ...initialState(ownFacts()), downBecause: 'the line was cut' };
const up: SyncState = { ...down, link: 'up', partner: partnerHello({ clock: 1_000 }) };

describe('what becomes of the pair', () => {
  let told: string[];
  let watch: PairWatch;
  let now: number;
  beforeEach(() => {
    told = [];
    now = 1_000;
    const { log } = keptLog();
    const events = new Events(log);
    events.on('connectionSettled', ({ partner }) => told.push(`${partner} is there`));
    events.on('connectionLost', ({ reason }) => told.push(`lost: ${reason}`));
    events.on('pairStateChanged', ({ state }) => told.push(state));
    watch = new PairWatch({ now: () => new Date(now), events, log });
  });

  it('is told once a change, the connection before the state', () => {
    watch.note(down, 'unreachable', 'lb-b');
    watch.note(up, 'in-step', 'lb-b');
    watch.note(up, 'in-step', 'lb-b');
    watch.note(down, 'unreachable', 'lb-b');
    assert.deepEqual(told, [
      'unreachable',
      'lb-b is there',
      'in-step',
      'lost: the line was cut',
      'unreachable',
    ]);
  });

  it('has a time since when it is so, and when the partner was heard last', () => {
    watch.note(up, 'in-step', 'lb-b');
    now = 2_000;
    watch.note(up, 'in-step', 'lb-b'); // the same greeting
    assert.equal(watch.since, new Date(1_000).toISOString());
    assert.equal(watch.heard?.at, 1_000);
    watch.note({ ...up, partner: partnerHello({ clock: 2_000 }) }, 'in-step', 'lb-b');
    assert.equal(watch.heard?.at, 2_000);
    watch.forget();
    assert.equal(watch.heard, undefined);
  });
});
