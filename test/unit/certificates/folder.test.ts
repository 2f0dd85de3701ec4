import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LockstepError } from '../../../schema/error.ts';
import { DropMemory } from '../../../unit/certificates/drop-memory.ts';
import { PATIENCE_MS, QUIET_MS } from '../../../unit/certificates/drops.ts';
import { CertificateFolder } from '../../../unit/certificates/folder.ts';
import { issue, NOW } from '../../certs/ca.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from '../log/kept-log.ts';
import { until } from '../until.ts';

const { pem, keyPem } = issue({ names: ['shop.example'] });

/** Time passes when a test says so; it knows when somebody waits for it. */
class Waiting extends ManualTimers {
  readonly waits: number[] = [];

  override after(ms: number, act: () => void): () => void {
    this.waits.push(ms);
    return super.after(ms, act);
  }
}

describe('the folder certs.d', () => {
  let dir: string;
  let folder: CertificateFolder;
  let timers: Waiting;
  let kept: Map<string, unknown>;
  let taken: string[];
  let take: () => Promise<boolean>;
  let lines: ReturnType<typeof keptLog>['lines'];

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-certs.d-'));
    kept = new Map();
    taken = [];
    take = async () => true;
  });
  afterEach(async () => {
    await folder.stop();
    rmSync(dir, { recursive: true });
  });

  const drop = (name: string, text = pem + keyPem): void => writeFileSync(join(dir, name), text);
  const warned = (): string[] => folder.warnings().map(({ code, path }) => `${code} ${path}`);

  /** What a unit that begins now sees, once everything was left alone for long enough. */
  async function begin(isQuiet = true): Promise<void> {
    timers = new Waiting();
    const { log, ...rest } = keptLog();
    lines = rest.lines;
    const store = {
      readLocal: async <T>(name: string) => structuredClone(kept.get(name)) as T | undefined,
      writeLocal: async (name: string, value: unknown) => void kept.set(name, structuredClone(value)),
    };
    folder = new CertificateFolder({
      folder: dir,
      timers,
      log,
      now: () => NOW,
      take: async (name, given) => {
        taken.push(name);
        if (!given.includes(keyPem.trim())) throw new LockstepError('certificate-refused', 'It has no key.');
        return take();
      },
      memory: new DropMemory(store, 'boot-1'),
    });
    folder.start();
    await until(() => timers.waits.length > 1);
    if (isQuiet) timers.advance(QUIET_MS);
  }
  const remembered = (name: string): boolean => kept.has(`certs.d/${name}`);

  it('gives up what is complete and good, once, also across a restart', async () => {
    drop('shop.pem');
    await begin();
    await until(() => remembered('shop'));
    await folder.stop();
    drop('other.pem');
    await begin();
    await until(() => remembered('other'));
    assert.deepEqual(taken, ['shop', 'other']);
    assert.deepEqual(warned(), []);
  });

  it('waits on a standby, and is looked at again when the unit becomes active', async () => {
    drop('shop.pem');
    take = () => Promise.reject(new LockstepError('not-active', 'This unit is standby.'));
    await begin();
    await until(() => warned().length > 0);
    assert.deepEqual(warned(), ['not-active certs.d/shop']);
    take = async () => true;
    folder.roleChanged(true);
    timers.advance(QUIET_MS);
    await until(() => remembered('shop'));
    assert.deepEqual([taken, warned()], [['shop', 'shop'], []]);
  });

  it('names what is not taken, and why, and takes the rest', async () => {
    drop('huge.pem', 'x'.repeat(1024 * 1024 + 1));
    drop('bare.pem', pem);
    symlinkSync('/nonexistent', join(dir, 'lost.pem'));
    mkdirSync(join(dir, 'shop'));
    drop('shop/cert.pem', pem);
    drop('shop/privkey.pem', keyPem);
    await begin();
    await until(() => remembered('shop'));
    timers.advance(PATIENCE_MS);
    await until(() => warned().length > 2);
    assert.deepEqual(warned().sort(), [
      'certificate-refused certs.d/bare',
      'certificate-unreadable certs.d/huge',
      'certificate-unreadable certs.d/lost',
    ]);
    assert.deepEqual(taken.sort(), ['bare', 'shop']);
    assert.ok(lines.some(({ message }) => message === 'certs.d: not taken'));
  });

  it('is left alone once the unit stops', async () => {
    drop('shop.pem');
    await begin(false);
    await folder.stop();
    timers.advance(10 * 60_000);
    await new Promise(setImmediate);
    assert.deepEqual(taken, []);
  });
});
