import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TakeoverAnswer } from '../../api/contract/pair.ts';
import type { AuditReport } from '../../audit/report.ts';
import { pairUp, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

describe('files of a standby', function () {
  this.timeout(60_000);
  let remove: () => void;
  let ha1: TestUnit;
  let ha2: TestUnit;

  const serve = (unit: TestUnit) => unit.start('--interval', '1', '--every-commit', '--scrub-hours', '0');
  const at = (unit: TestUnit, file: string): string => path.join(unit.dir, 'config', file);
  const host = (unit: TestUnit, name: string, address: string) =>
    unit.api.call('change', { changes: [{ op: 'put', path: `hosts/${name}`, value: { address } }] });
  const warned = async (unit: TestUnit): Promise<string[]> =>
    (await unit.status()).warnings.map(({ code }) => code).filter(code => code.startsWith('files-'));
  const waiting = async (unit: TestUnit): Promise<string[]> =>
    (await unit.status()).files.map(({ file, code }) => `${file} ${code}`);
  const held = async (unit: TestUnit, name: string) =>
    (await unit.api.call('show', { path: `hosts/${name}` })).value;

  before(async () => {
    const temporary = temporaryFolder();
    remove = temporary.remove;
    ha1 = new TestUnit(path.join(temporary.folder, 'ha1'), '127.0.83.1');
    ha2 = new TestUnit(path.join(temporary.folder, 'ha2'), '127.0.83.2');
    await ha1.init({ mode: 'first', name: 'lb1', address: '10.0.0.11/24', partner: '10.0.0.12' });
    await ha2.init({ mode: 'second', name: 'lb2', address: '10.0.0.12/24', partner: '10.0.0.11' });
    await Promise.all([serve(ha1), serve(ha2)]);
    await pairUp(ha1, ha2);
    await host(ha1, 'shop', '10.1.0.1');
    await host(ha1, 'mail', '10.1.0.2');
    await untilInStep(ha1, ha2);
    await until('the files are there', async () => existsSync(at(ha2, 'hosts/mail.json')));
  });
  after(async () => {
    await Promise.all([ha1?.kill(), ha2?.kill()]);
    remove?.();
  });

  it('that were edited there wait: both units say so, and so does an audit; it could take over all the same', async () => {
    writeFileSync(at(ha2, 'hosts/shop.json'), '{ "address": "10.9.9.9" }\n');
    await until('the edit is refused', async () =>
      (await waiting(ha2)).includes('hosts/shop.json not-active'),
    );
    await until('the active unit knows', async () => (await warned(ha1)).includes('files-waiting'));
    assert.deepEqual((await ha1.status()).partner?.files, { waiting: 1, unwritten: 0 });
    await until('it is ready', async () => (await ha2.status()).takeover?.ready === true);
    const { answer } = await ha1.json<AuditReport>('audit');
    assert.ok(answer.findings.some(({ path: where }) => where === 'config/hosts/shop.json'));
  });

  it('do not become configuration when it takes over and is restarted', async () => {
    const { answer } = await ha2.json<TakeoverAnswer>('takeover');
    assert.equal(answer.filesWaiting, 1);
    await ha2.kill();
    await serve(ha2);
    await untilInStep(ha2, ha1);
    assert.deepEqual(await waiting(ha2), ['hosts/shop.json not-active']);
    for (const unit of [ha1, ha2]) assert.deepEqual(await held(unit, 'shop'), { address: '10.1.0.1' });
  });

  it('become configuration when somebody adopts them', async () => {
    const { code, stdout } = await ha2.cli('mirror', 'adopt', 'hosts/shop.json', '--reason', 'as agreed');
    assert.equal(code, 0);
    assert.match(stdout, /hosts\/shop\.json is configuration now, revision \d+\./);
    await untilInStep(ha2, ha1);
    assert.deepEqual(await held(ha1, 'shop'), { address: '10.9.9.9' });
    const [latest] = (await ha2.api.call('history', { limit: 1 })).revisions;
    assert.deepEqual([latest?.kind, latest?.reason], ['file', 'as agreed']);
    assert.deepEqual(await waiting(ha2), []);
    await until('both know', async () => (await warned(ha1)).length === 0);
  });

  it('that it cannot write are told by the active unit, and are written once they can be', async function () {
    if (spawnSync('prlimit', ['--version']).status !== 0) {
      process.stdout.write('    skipped: the program prlimit is missing\n');
      this.skip();
    }
    const limit = (files: number): void =>
      void execFileSync('prlimit', ['--pid', String(ha1.pid), `--nofile=${files}:`], { stdio: 'pipe' });
    const open = new Set(readdirSync(`/proc/${ha1.pid}/fd`).map(Number));
    let free = 0;
    while (open.has(free)) free++;
    limit(free); // the standby is lb1 now; what is open stays open, and updates come on it
    await host(ha2, 'mail', '10.1.0.3');
    await until('the active unit knows', async () => (await warned(ha2)).includes('files-unwritten'));
    const { squares, partner } = await ha2.status();
    assert.ok((partner?.files?.unwritten ?? 0) > 0);
    assert.match(squares.find(({ unit }) => unit === 'HA1')?.sentence ?? '', /\d+ files? not written/);
    limit(1024);
    await until('it is written', async () =>
      readFileSync(at(ha1, 'hosts/mail.json'), 'utf8').includes('10.1.0.3'),
    );
    await until('the active unit knows', async () => (await warned(ha2)).length === 0);
    await untilInStep(ha2, ha1);
  });
});
