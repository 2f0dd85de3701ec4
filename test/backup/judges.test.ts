import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createBundle } from '../../backup/create.ts';
import { writeManifest } from '../../backup/manifest.ts';
import { temporaryFolder } from '../e2e/daemon.ts';
import { needs } from '../needs.ts';
import { entriesOf, LINES, PASSPHRASE } from './forge.ts';
import { gnupg, stopGnupg } from './gnupg.ts';
import { read } from './open.ts';
import { bytesOf, options, SITE, State } from './site.ts';

/** GnuPG, sqop, GNU tar, bsdtar and gzip know nothing of Lockstep: what they read is what the format says. */
describe('other programs and bundles', () => {
  const { folder, remove } = temporaryFolder();
  const at = (name: string): string => path.join(folder, name);
  const state = new State(SITE);
  let manifestText = '';
  before(async function () {
    needs(this, 'gpg');
    mkdirSync(at('gnupg'), { mode: 0o700 });
    writeFileSync(at('pw'), PASSPHRASE);
    const { bytes, manifest } = await createBundle(options(state, { withKeys: true }));
    manifestText = writeManifest(manifest).toString();
    writeFileSync(at('a.lockstep'), await bytesOf(bytes));
    writeFileSync(at('a.tar'), gunzipSync(gpg('-d', at('a.lockstep'))));
  });
  after(() => {
    stopGnupg(at('gnupg'));
    remove();
  });

  const gpg = (...args: string[]): Buffer => gnupg(at('gnupg'), at('pw'), ...args);

  it('open with GnuPG and with sqop, which give the same bytes', function () {
    needs(this, 'sqop');
    const byGnupg = gpg('-d', at('a.lockstep'));
    const bySequoia = execFileSync('sqop', ['decrypt', '--with-password', at('pw')], {
      input: readFileSync(at('a.lockstep')),
      maxBuffer: 1e9,
    });
    assert.ok(byGnupg.equals(bySequoia));
    assert.match(gpg('--list-packets', at('a.lockstep')).toString(), /mdc_method: 2/);
  });

  it('unpack with GNU tar and with bsdtar, which give the same files', function () {
    needs(this, 'bsdtar');
    const expected: Record<string, string> = { 'manifest.json': manifestText };
    for (const { part, file } of JSON.parse(manifestText).parts) {
      const records = state.records.filter(({ path: each }) => partNamed(each) === part);
      expected[file] = records.map(({ path: each, value }) => `${sorted({ path: each, value })}\n`).join('');
    }
    for (const { path: each, value } of state.records) {
      if (!/^(certificates|intermediates)\//.test(each) || each.length > 100) continue;
      expected[`${each}.pem`] = String(value.certificate);
    }
    for (const [program, args] of [
      ['tar', ['-xf']],
      ['bsdtar', ['-xf']],
    ] as const) {
      const out = at(`by-${program}`);
      mkdirSync(out);
      execFileSync(program, [...args, at('a.tar'), '-C', out]);
      const found = readdirSync(out, { recursive: true, withFileTypes: true }).filter(each => each.isFile());
      const names = found.map(({ parentPath, name }) => path.relative(out, path.join(parentPath, name)));
      const long = names.filter(name => !(name in expected));
      assert.equal(long.length, 1, String(long));
      assert.match(long[0] ?? '', /^certificates\/(long){17}lo~[0-9a-f]{12}\.pem$/);
      for (const [name, text] of Object.entries(expected))
        assert.equal(readFileSync(path.join(out, name), 'utf8'), text, `${program}: ${name}`);
      const [list] = [
        execFileSync(program, ['-tf', at('a.tar')])
          .toString()
          .trim()
          .split('\n'),
      ];
      assert.equal(list[0], 'manifest.json');
      assert.equal(list.length, names.length);
    }
  });

  it('are made by hand with tar, gzip and gpg, and read', async function () {
    needs(this, 'bsdtar', 'sqop');
    for (const [program, format] of [
      ['tar', 'gnu'],
      ['tar', 'ustar'],
      ['bsdtar', 'ustar'],
    ] as const) {
      const site = at(`hand-${program}-${format}`);
      mkdirSync(path.join(site, 'parts'), { recursive: true });
      for (const { name, content = '' } of entriesOf()) writeFileSync(path.join(site, name), content);
      const archive = at('hand.tar.gz');
      execFileSync(program, [
        `--format=${format === 'gnu' ? 'gnu' : 'ustar'}`,
        '-czf',
        archive,
        '-C',
        site,
        'manifest.json',
        'parts',
      ]);
      const ways = format === 'gnu' ? [[], ['--s2k-digest-algo', 'SHA512', '--s2k-count', '1024']] : [[]];
      for (const more of ways) {
        gpg(
          '-o',
          at('hand.lockstep'),
          '--compress-algo',
          'none',
          '--cipher-algo',
          'AES256',
          ...more,
          '-c',
          archive,
        );
        const { records } = await read(readFileSync(at('hand.lockstep')));
        assert.equal(records.length, Object.values(LINES).flat().length);
      }
      const wrong = await read(readFileSync(at('hand.lockstep')), { passphrase: 'not this one' }).catch(
        error => error,
      );
      assert.equal(wrong.code, 'wrong-passphrase');
    }
    const bySequoia = execFileSync('sqop', ['encrypt', '--no-armor', '--with-password', at('pw')], {
      input: readFileSync(at('hand.tar.gz')),
    });
    assert.equal((await read(bySequoia)).records.length, 3);
  });

  it('say so when GnuPG compressed what it encrypted', async () => {
    writeFileSync(at('plain'), 'not packed '.repeat(1000));
    gpg('-o', at('compressed.lockstep'), '-c', '--compress-algo', 'zip', at('plain'));
    const error = await read(readFileSync(at('compressed.lockstep'))).catch(thrown => thrown);
    assert.equal(error.code, 'not-a-bundle');
    assert.match(error.hint, /--compress-algo none/);
  });
});

function partNamed(recordPath: string): string {
  const top = recordPath.split('/')[0] as string;
  return { virtualServices: 'vs', certificates: 'certs', intermediates: 'certs' }[top] ?? 'base';
}

/** JSON with sorted keys, without any code of ours. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
