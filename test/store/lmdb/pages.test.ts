import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openLmdb } from '../../../store/lmdb/lmdb.ts';
import { findPageFaults, salvageEntries } from '../../../store/lmdb/pages.ts';
import { SEED } from '../../seed.ts';

const PAGE = 4096;
const LEAF = 2;
const BRANCH = 1;
const OVERFLOW = 4;

/** Flags of each page of a file, as they stand there. */
function pagesOf(bytes: Buffer): { page: number; flags: number }[] {
  return Array.from({ length: bytes.length / PAGE }, (_, page) => ({
    page,
    flags: Number(bytes.readBigUInt64LE(page * PAGE)) === page ? bytes.readUInt16LE(page * PAGE + 18) : 0,
  }));
}

describe('the pages of an LMDB file, read without LMDB', function () {
  this.timeout(60_000);
  const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-'));
  const file = path.join(folder, 'store', 'data.mdb');
  const held = new Map<string, string>();

  before(async () => {
    const port = openLmdb(path.join(folder, 'store'));
    for (let batch = 0; batch < 40; batch++) {
      const put = Array.from({ length: 50 }, (_, index): [string, Buffer] => {
        const key = `${index % 2 === 0 ? 'p' : 'u'} hosts/h${(batch * 37 + index * 101) % 1500}`;
        const value = index === 7 ? 'x'.repeat(9000 + batch) : `${batch} `.repeat(10 + index);
        held.set(key, value);
        return [key, Buffer.from(value)];
      });
      const remove = batch % 3 === 0 ? [...held.keys()].slice(0, 5) : [];
      const puts = put.filter(([key]) => !remove.includes(key));
      for (const key of remove) held.delete(key);
      await port.batch({ expect: [], put: puts, remove });
    }
    await port.close();
  });

  after(() => rmSync(folder, { recursive: true }));

  /** A copy in a folder of its own, changed. */
  function changed(change: (bytes: Buffer) => void): string {
    const bytes = readFileSync(file);
    change(bytes);
    const at = path.join(folder, 'changed');
    mkdirSync(at, { recursive: true });
    writeFileSync(path.join(at, 'data.mdb'), bytes);
    return path.join(at, 'data.mdb');
  }

  it('are good after many commits, and all entries are found in them', async () => {
    assert.deepEqual(await findPageFaults(file), []);
    const found = await salvageEntries(file, ['p ', 'u ']);
    assert.deepEqual(new Map([...found].map(([key, value]) => [key, String(value)])), held);
  });

  it('are good while commits go on', async () => {
    const at = path.join(folder, 'busy');
    mkdirSync(at);
    copyFileSync(file, path.join(at, 'data.mdb'));
    const port = openLmdb(at);
    for (let round = 0; round < 20; round++) {
      const snapshot = port.snapshot();
      await snapshot.get('p hosts/h0');
      const looked = findPageFaults(path.join(at, 'data.mdb'));
      const commits = Array.from({ length: 10 }, (_, index) =>
        port.batch({ expect: [], put: [[`p hosts/h${index}`, Buffer.alloc(3000, round)]], remove: [] }),
      );
      assert.deepEqual(await looked, []);
      await Promise.all(commits);
      snapshot.close();
    }
    await port.close();
  });

  for (const [what, wanted] of [
    ['branch', BRANCH],
    ['leaf', LEAF],
    ['overflow', OVERFLOW],
  ] as const) {
    it(`a changed header of a ${what} page in use is found, and names the page`, async () => {
      let found = 0;
      const candidates = pagesOf(readFileSync(file)).filter(({ flags }) => flags === wanted);
      assert.ok(candidates.length > 0);
      for (const { page } of candidates.slice(0, 40)) {
        const faults = await findPageFaults(changed(bytes => bytes.writeUInt16LE(0x77, page * PAGE + 18)));
        if (faults.length > 0) found++; // a page that is free is not looked at
      }
      assert.ok(found > 0);
    });
  }

  it('every byte of the meta pages that LMDB goes by is guarded', async () => {
    const looked = [...Array(8).keys(), 18, 19, ...Array.from({ length: 8 }, (_, index) => 24 + index)];
    const newest =
      readFileSync(file).readBigUInt64LE(24 + 128) > readFileSync(file).readBigUInt64LE(PAGE + 24 + 128)
        ? 0
        : 1;
    const trees = Array.from({ length: 96 }, (_, index) => 48 + index).filter(at => at % 48 > 3 || at < 52);
    const rest = Array.from({ length: 8 }, (_, index) => 24 + 128 + index);
    for (const at of [...looked, ...trees, ...rest]) {
      const faults = await findPageFaults(
        changed(bytes => {
          const place = newest * PAGE + at;
          bytes.writeUInt8(bytes.readUInt8(place) ^ 0x10, place);
        }),
      );
      assert.ok(faults.length > 0, `byte ${at} of the newer meta page`);
    }
  });

  it('a file that is cut short anywhere within what is in use is found', async () => {
    const pages = statSync(file).size / PAGE;
    let found = 0;
    for (let left = 0; left < pages; left += 3) {
      const at = changed(() => undefined);
      truncateSync(at, left * PAGE + (left % 2) * 100);
      if ((await findPageFaults(at)).length > 0) found++;
    }
    assert.ok(found >= pages / 3 - 3, `${found} of ${pages / 3}`);
    const half = changed(() => undefined);
    truncateSync(half, Math.floor(pages / 2) * PAGE);
    assert.ok((await findPageFaults(half)).length > 0);
  });

  it('a file with a random flipped byte is either found, or LMDB reads all of it without harm', () => {
    // In another process: what is not found might end this one.
    const out = execFileSync(
      process.execPath,
      ['--import', 'tsx', new URL('../flip.ts', import.meta.url).pathname, file, '60', String(SEED)],
      {
        encoding: 'utf8',
        timeout: 50_000,
      },
    );
    const { tried, found, harmless } = JSON.parse(out) as { tried: number; found: number; harmless: number };
    assert.equal(found + harmless, tried); // how many of so few flips meet a page's own fields is chance
  });

  it('what is left of a damaged file is salvaged', async () => {
    const leaves = pagesOf(readFileSync(file)).filter(({ flags }) => flags === LEAF);
    const lost = leaves[3] as { page: number };
    const at = changed(bytes => bytes.fill(0xff, lost.page * PAGE, (lost.page + 1) * PAGE));
    const found = await salvageEntries(at, ['u ']);
    const own = [...held.keys()].filter(key => key.startsWith('u '));
    const same = own.filter(key => found.has(key));
    assert.ok(same.length > own.length * 0.9, `${same.length} of ${own.length}`);
  });
});
