import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { listBundles } from '../../backup/list.ts';
import { judge } from '../../backup/retention.ts';
import { assertFree, saveBundle } from '../../backup/save.ts';
import { temporaryFolder } from '../e2e/daemon.ts';
import { bundle, PASSPHRASE } from './forge.ts';

describe('saving a bundle', () => {
  const { folder, remove } = temporaryFolder();
  const file = path.join(folder, 'a.lockstep');
  const names = (): string[] => readdirSync(folder);
  after(remove);

  it('leaves nothing when its bytes break off', async () => {
    const broken = Readable.from(
      (async function* () {
        yield bundle().subarray(0, 100);
        assert.equal(names().length, 1, 'it is being written, under another name');
        assert.notEqual(names()[0], 'a.lockstep');
        throw new Error('broken off');
      })(),
    );
    await assert.rejects(saveBundle(broken, file, { passphrase: PASSPHRASE }), /broken off/);
    assert.deepEqual(names(), []);
  });

  it('leaves nothing that cannot be read back', async () => {
    for (const [bytes, passphrase, code] of [
      [bundle().subarray(0, -1), PASSPHRASE, 'damaged-bundle'],
      [bundle(undefined, { mdc: 'wrong' }), PASSPHRASE, 'damaged-bundle'],
      [bundle(), 'another passphrase', 'wrong-passphrase'],
    ] as const) {
      await assert.rejects(saveBundle(Readable.from([bytes]), file, { passphrase }), { code });
      assert.deepEqual(names(), []);
    }
  });

  it('tells how much was written and read back, and what it is', async () => {
    const told = { written: 0, read: 0 };
    const bytes = bundle();
    const { manifest, size } = await saveBundle(Readable.from([bytes]), file, {
      passphrase: PASSPHRASE,
      onWritten: count => {
        told.written += count;
      },
      onRead: count => {
        told.read += count;
      },
    });
    assert.equal(manifest.revision, 7);
    assert.equal(size, bytes.length);
    assert.equal(told.written, size);
    assert.ok(told.read > 0 && told.read <= size);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(names(), ['a.lockstep']);
  });

  it('never takes the place of a file, also of one that came meanwhile', async () => {
    await assert.rejects(assertFree(file), { code: 'file-exists' });
    const other = path.join(folder, 'b.lockstep');
    await assertFree(other);
    const late = Readable.from(
      (async function* () {
        yield bundle();
        writeFileSync(other, 'somebody else');
      })(),
    );
    await assert.rejects(saveBundle(late, other, { passphrase: PASSPHRASE }), { code: 'file-exists' });
    assert.deepEqual(names(), ['a.lockstep', 'b.lockstep']);
    assert.equal(statSync(other).size, 'somebody else'.length);
  });

  it('puts a number behind a name that is taken, where it may', async () => {
    const save = (): ReturnType<typeof saveBundle> =>
      saveBundle(Readable.from([bundle()]), file, { passphrase: PASSPHRASE, mayNumber: true });
    const saved = [await save(), await save()].map(each => path.basename(each.file));
    assert.deepEqual(saved, ['a-2.lockstep', 'a-3.lockstep']);
    const bundles = (await listBundles(folder)).filter(({ profile }) => profile !== null);
    assert.deepEqual(bundles.map(each => path.basename(each.file)).sort(), [
      'a-2.lockstep',
      'a-3.lockstep',
      'a.lockstep',
    ]);
    const verdicts = judge(
      bundles.map(each => ({
        name: path.basename(each.file),
        kind: each.kind,
        at: new Date(each.madeAt),
        proved: false,
      })),
      { last: 1, daily: 0, weekly: 0, monthly: 0 },
      'UTC',
    );
    assert.deepEqual(verdicts.map(({ name, keep }) => [name, keep])[0], ['a-3.lockstep', true]);
  });
});
