import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keys } from '../../../store/keys.ts';
import { openMemory } from '../../../store/memory.ts';
import type { StorePort } from '../../../store/port.ts';
import { Store } from '../../../store/store.ts';
import { Events } from '../../../unit/events.ts';
import { Health } from '../../../unit/store-care/health.ts';
import { Scrub } from '../../../unit/store-care/scrub.ts';
import { catalog } from '../../schema/records-of.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from '../log/kept-log.ts';
import { until } from '../until.ts';

const HOUR_MS = 3_600_000;
const now = (): Date => new Date('2026-06-01T12:00:00Z');

describe('the scrub of a store', () => {
  let dir: string;
  let port: StorePort;
  let store: Store;
  let health: Health;
  let scrub: Scrub;
  let timers: ManualTimers;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-scrub-'));
    port = openMemory();
    store = await Store.open({ port, catalog, rules: [], now });
    const changes = [{ op: 'put' as const, path: 'hosts/a', value: { address: '10.0.0.1' } }];
    await store.commit({ changes, kind: 'init', author: 'ada', reason: 'r' });
  });
  afterEach(async () => {
    await scrub.stop();
    await health.settled();
    await store.close();
    rmSync(dir, { recursive: true });
  });

  const file = (): string => join(dir, 'scrub.json');
  const kept = () => JSON.parse(readFileSync(file(), 'utf8'));
  const damage = (value: string): Promise<boolean> =>
    port.batch({ expect: [], put: [[keys.pair('hosts/a'), Buffer.from(value)]], remove: [] });

  function start(hours: number): void {
    const known = keptLog();
    timers = new ManualTimers();
    health = Health.open({ file: join(dir, 'damage'), events: new Events(known.log), log: known.log, now });
    scrub = Scrub.start({ store, health, folder: dir, file: file(), hours, timers, now, log: known.log });
  }

  it('on demand says that all is well and since when, also after a restart', async () => {
    start(0);
    const asked = [scrub.verify(), scrub.verify()] as const;
    assert.equal(asked[0], asked[1], 'whoever asks meanwhile gets the same answer');
    const { damaged, findings } = await asked[0];
    assert.deepEqual([damaged, findings, scrub.progress], [false, [], undefined]);
    await scrub.stop();
    start(0);
    assert.equal(scrub.verifiedAt, now().toISOString());
  });

  it('names what is damaged, and calls the store whole again once it is', async () => {
    start(0);
    await damage('{"address":"6.6.6.6"}');
    const { damaged, findings } = await scrub.verify();
    assert.deepEqual(
      [damaged, findings[0]?.path, health.damage?.foundBy],
      [true, 'hosts/a', 'a verification'],
    );
    assert.equal(scrub.verifiedAt, undefined);
    await damage('{"address":"10.0.0.1"}');
    assert.equal((await scrub.verify()).damaged, false);
    assert.equal(health.damage, undefined);
  });

  it('goes on step by step as time passes, and from where it was after a restart', async () => {
    start(24);
    const gap = (24 * HOUR_MS) / 4_096;
    timers.advance(gap - 1);
    await new Promise(setImmediate);
    assert.throws(kept, { code: 'ENOENT' }, 'nothing is looked at before its time');
    timers.advance(1);
    await until(() => isAt(0));
    await scrub.stop();
    start(24);
    timers.advance(gap);
    await until(() => isAt(1));
    await scrub.stop();
    start(0);
    assert.equal(scrub.verifiedAt, undefined, 'half a pass proves nothing');
  });

  function isAt(index: number): boolean {
    try {
      return kept().position.index === index;
    } catch {
      return false;
    }
  }
});
