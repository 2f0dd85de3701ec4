import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { mock } from 'node:test';
import type { StoreSnapshot } from '../../../store/snapshot.ts';
import type { Store } from '../../../store/store.ts';
import { backUp } from '../../../unit/backups/backing-up.ts';
import { openBundle } from '../../../unit/backups/open-bundle.ts';
import { unitWith } from '../../backup/restorer.ts';
import { catalog } from '../../schema/records-of.ts';
import { until } from '../until.ts';

const AT = new Date('2026-06-01T02:00:00Z');
const PASSPHRASE = 'four words are enough';

describe('a bundle of a running unit', () => {
  let store: Store;
  beforeEach(async () => {
    store = await unitWith({ host: { hostname: 'lb-a' } });
  });

  /** A snapshot, and whether it was closed. */
  async function held(): Promise<{ snapshot: StoreSnapshot; closed(): boolean }> {
    const snapshot = await store.snapshot();
    let isClosed = false;
    const close = snapshot.close.bind(snapshot);
    snapshot.close = () => {
      isClosed = true;
      close();
    };
    return { snapshot, closed: () => isClosed };
  }

  async function rename(hostname: string): Promise<void> {
    const changes = [{ op: 'put' as const, path: 'host', value: { hostname } }];
    await store.commit({ changes, kind: 'change', author: 'ada', reason: 'r' });
  }

  it('bears the name that the unit had in the state that it keeps', async () => {
    const { snapshot, closed } = await held();
    await rename('lb-z');
    const { bytes, facts } = await backUp(snapshot, catalog, 'id-a', AT, { passphrase: PASSPHRASE });
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-backing-up-'));
    try {
      writeFileSync(join(folder, 'bundle'), await buffer(bytes));
      const { bundle, close } = await openBundle(join(folder, 'bundle'), PASSPHRASE);
      await close();
      assert.match(facts.name, /^lb-a_2026-06-01/);
      assert.deepEqual([bundle.manifest.unit.name, bundle.manifest.unit.id], ['lb-a', 'id-a']);
      assert.equal(bundle.manifest.revision, facts.revision);
      assert.equal(
        facts.records,
        bundle.manifest.parts.reduce((sum, { records }) => sum + records, 0),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
    assert.ok(closed());
  });

  it('lets go of the state when it cannot be made', async () => {
    const { snapshot, closed } = await held();
    const broken = new Error('the disk is gone');
    snapshot.list = () => {
      throw broken;
    };
    await assert.rejects(backUp(snapshot, catalog, 'id-a', AT, { passphrase: PASSPHRASE }), broken);
    assert.ok(closed());
  });

  it('lets go of the state when nobody takes it any more', async () => {
    const { snapshot, closed } = await held();
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      const { bytes } = await backUp(snapshot, catalog, 'id-a', AT, { passphrase: PASSPHRASE });
      const failed = new Promise<Error>(resolve => bytes.once('error', resolve));
      mock.timers.tick(5 * 60_000 - 1);
      assert.ok(!bytes.destroyed);
      mock.timers.tick(5 * 60_000 + 1);
      assert.match((await failed).message, /nobody takes the bundle/);
      await until(closed);
    } finally {
      mock.timers.reset();
    }
  });
});
