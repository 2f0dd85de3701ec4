import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ConfirmAnswer } from '../../api/contract/changes.ts';
import { issue } from '../certs/ca.ts';
import { TestUnit, temporaryFolder, until } from './daemon.ts';

describe('what a change brings about', function () {
  this.timeout(30_000);
  const { folder, remove } = temporaryFolder();
  const unit = new TestUnit(path.join(folder, 'lb1'), '127.0.87.1');
  const WARNED = 'certificate-without-key certificates/shop';

  before(async () => {
    await unit.init({ mode: 'single', name: 'lb1' });
    await unit.start();
  });
  after(async () => {
    await unit.kill();
    remove();
  });

  it('by a file that is saved is told by a line of the log, with the revision', async () => {
    const { pem: certificate } = issue({ names: ['shop.example'] });
    writeFileSync(path.join(unit.dir, 'config/certificates/shop.json'), JSON.stringify({ certificate }));
    const lines = (): { msg: string; revision: number; warnings: { code: string; path: string }[] }[] =>
      readFileSync(path.join(unit.dir, 'log/lockstep.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map(line => JSON.parse(line));
    await until('it is logged', async () =>
      lines().some(({ msg }) => msg === 'a saved file brings warnings'),
    );
    const line = lines().find(({ msg }) => msg === 'a saved file brings warnings');
    assert.equal(line?.revision, (await unit.status()).unit.revision);
    assert.ok(line.warnings.some(({ code, path: where }) => `${code} ${where}` === WARNED));
  });

  it('by taking a change back is in the answer of confirm --undo', async () => {
    await unit.cli('unset', 'certificates/shop', '--confirm', '5');
    const { answer } = await unit.json<ConfirmAnswer>('confirm', '--undo');
    const told = answer.undone?.warnings?.map(({ code, path: where }) => `${code} ${where}`) ?? [];
    assert.ok(told.includes(WARNED), JSON.stringify(answer));
  });
});
