import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { Incoming } from '../../../unit/backups/uploads.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';

const bytes = (...texts: string[]): Readable => Readable.from(texts.map(text => Buffer.from(text)));

describe('uploaded bundles', () => {
  let dir: string;
  let timers: ManualTimers;
  let incoming: Incoming;
  const folder = (): string => join(dir, 'incoming');
  const files = (): string[] => (existsSync(folder()) ? readdirSync(folder()) : []);
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-'));
    timers = new ManualTimers();
    incoming = new Incoming(folder(), timers, 10);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('are kept as they come, closed to others, until they are dropped', async () => {
    const { upload, bytes: count } = await incoming.receive(bytes('abc', 'def'));
    assert.equal(count, 6);
    const file = await incoming.find(upload);
    assert.equal(readFileSync(file, 'utf8'), 'abcdef');
    assert.deepEqual([statSync(file).mode & 0o777, statSync(folder()).mode & 0o777], [0o600, 0o700]);
    await incoming.drop(upload);
    assert.deepEqual(files(), []);
    await assert.rejects(incoming.find(upload), { code: 'no-such-upload' });
  });

  it('that are too large, or break off, leave nothing behind', async () => {
    await assert.rejects(incoming.receive(bytes('0123456789', 'a')), { code: 'too-large' });
    const broken = Readable.from(
      (async function* () {
        yield Buffer.from('half');
        throw new Error('cut');
      })(),
    );
    await assert.rejects(incoming.receive(broken), { message: 'cut' });
    assert.deepEqual(files(), []);
    assert.equal((await incoming.receive(bytes('0123456789'))).bytes, 10);
  });

  it('are no more than four at a time, and go by themselves after half an hour', async () => {
    for (let each = 0; each < 4; each++) await incoming.receive(bytes('x'));
    await assert.rejects(incoming.receive(bytes('x')), { code: 'conflict' });
    assert.equal(files().length, 4);
    timers.advance(30 * 60_000);
    const { upload } = await incoming.receive(bytes('y'));
    await incoming.find(upload);
  });

  it('attack: one person takes all places; two are theirs, and the others are left to others', async () => {
    await incoming.receive(bytes('x'), 'operator:eve');
    await incoming.receive(bytes('x'), 'operator:eve');
    await assert.rejects(incoming.receive(bytes('x'), 'operator:eve'), { code: 'conflict' });
    await incoming.receive(bytes('x'), 'operator:ada');
  });

  it('of somebody who is not admitted any more go with them', async () => {
    const mine = await incoming.receive(bytes('x'), 'operator:eve');
    const other = await incoming.receive(bytes('x'), 'operator:ada');
    await incoming.dropOf('operator:eve');
    await assert.rejects(incoming.find(mine.upload), { code: 'no-such-upload' });
    await incoming.find(other.upload);
  });

  it('that are still coming in end with their operator, and leave neither a file nor a taken place', async () => {
    const slow = new PassThrough();
    slow.write('half');
    const whole = new PassThrough();
    whole.end('all');
    const [coming, came] = [slow, whole].map(from => incoming.receive(from, 'operator:eve'));
    await new Promise(resolve => whole.once('end', resolve)); // read, and not yet kept
    await incoming.dropOf('operator:eve');
    await assert.rejects(coming as Promise<unknown>, { code: 'role-refused' });
    await assert.rejects(came as Promise<unknown>, { code: 'role-refused' });
    assert.deepEqual(files(), []);
    for (let each = 0; each < 2; each++) await incoming.receive(bytes('x'), 'operator:eve');
  });

  it('attack: uploads fill the disk; what is left is for the store', async () => {
    const small = new Incoming(folder(), timers, 10, async () => ({ freeBytes: 9e6, totalBytes: 1e8 }));
    await assert.rejects(small.receive(bytes('x'), 'operator:eve'), { code: 'disk' });
    assert.deepEqual(files(), []);
  });

  it('of an earlier daemon are gone at the start', async () => {
    mkdirSync(folder(), { recursive: true });
    writeFileSync(join(folder(), 'left'), 'x');
    new Incoming(folder(), timers);
    assert.deepEqual(files(), []);
  });

  it('are named by what the upload answered and by nothing else', async () => {
    writeFileSync(join(dir, 'secret'), 'x');
    for (const name of ['../secret', '', '.', 'a'.repeat(36), '11111111-1111-1111-1111-111111111111'])
      await assert.rejects(incoming.find(name), { code: 'no-such-upload' });
  });
});
