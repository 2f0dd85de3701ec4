import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { kindNamed } from '../../backup/name.ts';
import { read } from './open.ts';

const GOLDEN = new URL('./golden/', import.meta.url);

/** What was made once stays readable (golden/README.md). */
describe('bundles of earlier versions', () => {
  const linesOf = (name: string): string[] => readFileSync(new URL(name, GOLDEN), 'utf8').trim().split('\n');
  const expected = {
    configuration: linesOf('expected.ndjson'),
    certificates: linesOf('expected-certs.ndjson'),
  };
  const files = readdirSync(GOLDEN).filter(name => name.endsWith('.lockstep'));

  it('are all there', () => {
    for (const name of ['classic', 'rfc9580', 'by-hand', 'classic.certs'])
      assert.ok(files.includes(`${name}.lockstep`), name);
  });

  for (const name of files)
    it(`are read: ${name}`, async () => {
      const { manifest, records } = await read(readFileSync(new URL(name, GOLDEN)));
      // Made by hand, the parts come in the order of a folder.
      assert.deepEqual(
        records.map(record => JSON.stringify(record)).sort(),
        [...expected[kindNamed(name)]].sort(),
      );
      assert.equal(manifest.kind, kindNamed(name));
      assert.equal(manifest.unit.name, 'ha1');
      assert.equal(manifest.revision, 41);
    });
});
