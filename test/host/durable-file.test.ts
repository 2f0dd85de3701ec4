import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeDurable, TEMPORARY, writeAtomic, writeDurable } from '../../host/durable-file.ts';

const MODULE = new URL('../../host/durable-file.ts', import.meta.url).href;
const ERRORS = new URL('../../schema/error.ts', import.meta.url).href;

describe('durable file', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-file-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  for (const [name, write] of Object.entries({ writeDurable, writeAtomic })) {
    describe(name, () => {
      it('makes a file that only its owner can read, and leaves nothing else', async () => {
        await write(join(dir, 'a'), 'one');
        assert.equal(readFileSync(join(dir, 'a'), 'utf8'), 'one');
        assert.equal(statSync(join(dir, 'a')).mode & 0o777, 0o600);
        assert.deepEqual(readdirSync(dir), ['a']);
      });

      it('replaces a file as a whole, also one that others could read', async () => {
        writeFileSync(join(dir, 'a'), 'a longer one');
        chmodSync(join(dir, 'a'), 0o666);
        const reader = statSync(join(dir, 'a')).ino;
        await write(join(dir, 'a'), Buffer.from('two'));
        assert.equal(readFileSync(join(dir, 'a'), 'utf8'), 'two');
        assert.notEqual(statSync(join(dir, 'a')).ino, reader);
        assert.equal(statSync(join(dir, 'a')).mode & 0o777, 0o600);
      });

      it('does not follow a link', async () => {
        writeFileSync(join(dir, 'target'), 'keep');
        symlinkSync(join(dir, 'target'), join(dir, 'link'));
        await write(join(dir, 'link'), 'new');
        assert.equal(readFileSync(join(dir, 'target'), 'utf8'), 'keep');
        assert.throws(() => readlinkSync(join(dir, 'link')));
      });

      it('a failed write leaves the old content and nothing else', async () => {
        mkdirSync(join(dir, 'a'));
        writeFileSync(join(dir, 'a', 'kept'), '');
        await assert.rejects(write(join(dir, 'a'), 'x'), { code: 'EISDIR' });
        await assert.rejects(write(join(dir, 'none', 'a'), 'x'), { code: 'ENOENT' });
        assert.deepEqual(readdirSync(dir), ['a']);
      });

      it('twenty writers at once: one of them wins whole', async () => {
        const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(5000));
        await Promise.all(texts.map(text => write(join(dir, 'a'), text)));
        assert.ok(texts.includes(readFileSync(join(dir, 'a'), 'utf8')));
        assert.deepEqual(readdirSync(dir), ['a']);
      });
    });
  }

  it('when the disk takes no more, that is said, and the old content stays', async () => {
    await writeDurable(join(dir, 'a'), 'old');
    const program = `import { writeDurable } from ${JSON.stringify(MODULE)};
      import { asLockstepError } from ${JSON.stringify(ERRORS)};
      await writeDurable(${JSON.stringify(join(dir, 'a'))}, 'x'.repeat(1_000_000)).catch(error => console.log(asLockstepError(error).code));`;
    // the largest file that the process may write is 64 KiB; with the signal ignored, the write fails as on a full disk
    const limited = 'trap "" XFSZ; ulimit -f 64; exec "$0" --import tsx --input-type=module -e "$1"';
    const { stdout, stderr } = spawnSync('bash', ['-c', limited, process.execPath, program], {
      encoding: 'utf8',
    });
    assert.equal(stdout, 'disk\n', stderr);
    assert.equal(readFileSync(join(dir, 'a'), 'utf8'), 'old');
    assert.deepEqual(readdirSync(dir), ['a']);
  });

  it('removes, and does not mind when there is nothing', async () => {
    await writeDurable(join(dir, 'a'), 'x');
    await removeDurable(join(dir, 'a'));
    await removeDurable(join(dir, 'a'));
    assert.deepEqual(readdirSync(dir), []);
  });

  it('temporary names are known by their form', () => {
    assert.equal(TEMPORARY.test('.lockstep-0123456789ab.tmp'), true);
    assert.equal(TEMPORARY.test('lockstep-0123456789ab.tmp'), false);
    assert.equal(TEMPORARY.test('.lockstep-0123456789ab.tmp.json'), false);
  });
});
