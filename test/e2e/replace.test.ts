import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Invitation } from '../../api/contract/pair.ts';
import type { Status } from '../../api/contract/status.ts';
import type { Partner } from '../../sync/pairing.ts';
import { fingerprint, generateKeyPair, parsePrivateKey } from '../../sync/ssh/keys.ts';
import { freshBuild } from './build.ts';
import { pairUp, refusalOf, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const hostKeyFile = (unit: TestUnit): string => path.join(unit.dir, 'keys', 'host_ed25519');
const fingerprintOf = (unit: TestUnit): string =>
  fingerprint(parsePrivateKey(readFileSync(hostKeyFile(unit), 'utf8'), 'key').public);
const partnerOf = (unit: TestUnit): Partner =>
  JSON.parse(readFileSync(path.join(unit.dir, 'keys', 'partner.json'), 'utf8')) as Partner;

function hasTerminal(): boolean {
  if (spawnSync('script', ['--version']).status === 0) return true;
  process.stderr.write('    skipped: script is missing; the Debian package bsdutils brings it\n');
  return false;
}

/** One command at a terminal of its own, with a person in front of it. */
class Terminal {
  screen = '';
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcessWithoutNullStreams;
  private wake: () => void = () => undefined;

  constructor(unit: TestUnit, ...args: string[]) {
    const command = [process.execPath, freshBuild(), '--dir', unit.dir, ...args].join(' ');
    this.child = spawn('script', ['-qec', command, '/dev/null'], { timeout: 30_000 });
    this.ended = new Promise(resolve => this.child.once('close', code => resolve(code)));
    this.child.stdout.on('data', chunk => {
      this.screen += chunk;
      this.wake();
    });
  }

  type(keys: string): void {
    this.child.stdin.write(keys);
  }

  async shows(text: string): Promise<void> {
    const over = this.ended.then(() => assert.fail(`ended before it showed ${text}: ${this.screen}`));
    over.catch(() => undefined);
    while (!this.screen.includes(text))
      await Promise.race([new Promise<void>(resolve => (this.wake = resolve)), over]);
  }
}

describe('a unit of a running pair is replaced', function () {
  this.timeout(60_000);
  const { folder, remove } = temporaryFolder();
  const unit = (name: string, last: number): TestUnit =>
    new TestUnit(path.join(folder, name), `127.0.67.${last}`);
  const ha1 = unit('ha1', 1);
  const old = unit('old', 2);
  const ha2 = unit('ha2', 3);
  const newer = unit('newer', 4);
  const all = [ha1, old, ha2, newer];
  let stood: Status;
  let pairId: string;

  before(async () => {
    await Promise.all(
      all.map((each, i) => each.init({ mode: i % 3 === 0 ? 'first' : 'second', name: `lb${i}` })),
    );
    await Promise.all(all.map(each => each.start()));
    await pairUp(ha1, old);
    await ha1.api.call('change', {
      changes: [{ op: 'put', path: 'hosts/db.example', value: { address: '10.0.0.7' } }],
    });
    await ha1.api.call('forceUpdate');
    await untilInStep(ha1, old);
    stood = await ha1.status();
    ({ pairId } = partnerOf(ha1));
  });
  after(async () => {
    await Promise.all(all.map(each => each.stop()));
    remove();
  });

  it('a new unit is refused while nobody says --replace: both keys are named, and it pins nothing', async () => {
    const { code, stdout } = await ha1.cli('pair', '--invite');
    assert.equal(code, 0);
    assert.match(stdout, /It is good for lb1 only \(SHA256:.*--replace/);
    const word = /--code (\S+)/.exec(stdout)?.[1] ?? assert.fail(stdout);
    const refused = await ha2.json('pair', ha1.listen, '--code', word);
    assert.deepEqual([refused.code, refused.answer.error.code], [3, 'already-paired']);
    assert.deepEqual(refused.answer.error.facts, {
      partner: 'lb1',
      pinned: fingerprintOf(old),
      offered: fingerprintOf(ha2),
    });
    assert.equal((await ha2.status()).partner, null);
    const logged = ha1.log.find(({ msg, code }) => msg === 'message refused' && code === 'already-paired');
    assert.ok(String(logged?.reason).includes(fingerprintOf(ha2)), JSON.stringify(logged));
  });

  it('--replace asks for --yes where nobody can be asked, and shows who would go', async () => {
    const asked = await ha1.cli('pair', '--invite', '--replace');
    assert.deepEqual([asked.code, asked.stdout], [2, '']);
    assert.ok(asked.stderr.includes(fingerprintOf(old)), asked.stderr);
    assert.match(asked.stderr, /--yes/);
  });

  it('the new unit takes the place: both keys are on its screen and in the log, and the old one is out', async () => {
    const { answer } = await ha1.json<Invitation>('pair', '--invite', '--replace', '--yes');
    const { code, stdout, stderr } = await ha2.cli('pair', ha1.listen, '--code', answer.code);
    assert.equal(code, 0, stderr);
    for (const each of [ha1, old, ha2]) assert.ok(stdout.includes(fingerprintOf(each)), stdout);
    const logged = ha1.log.find(({ msg }) => msg === 'partner replaced');
    assert.deepEqual(
      [logged?.fingerprint, logged?.old, logged?.oldFingerprint],
      [fingerprintOf(ha2), 'lb1', fingerprintOf(old)],
    );
    await untilInStep(ha1, ha2);
    await until('the old one is not let in any more', async () => {
      const { sync, partner } = await old.status();
      return partner?.seen === false && /does not accept the key/.test(sync.sentence);
    });
  });

  it('the survivor is what it was: its history, its epoch, its pair', async () => {
    const { unit: now } = await ha1.status();
    const keep = ({ revision, digest, epoch, role }: Status['unit']) => ({ revision, digest, epoch, role });
    assert.deepEqual(keep(now), keep(stood.unit));
    assert.deepEqual([partnerOf(ha1).pairId, partnerOf(ha2).pairId], [pairId, pairId]);
  });

  it('a lost active unit is replaced by one that is active and nearly empty: it cannot overwrite the survivor', async () => {
    await ha1.stop();
    const held = (await ha2.status()).unit.digest;
    const { code } = await newer.api.call('invite');
    const asked = await ha2.cli('pair', newer.listen, '--code', code, '--replace');
    assert.equal(asked.code, 2, asked.stderr);
    for (const each of [ha1, newer]) assert.ok(asked.stderr.includes(fingerprintOf(each)), asked.stderr);
    const done = await ha2.cli('pair', newer.listen, '--code', code, '--replace', '--yes');
    assert.equal(done.code, 0, done.stderr);
    for (const each of [ha1, newer]) assert.ok(done.stdout.includes(fingerprintOf(each)), done.stdout);
    await until('they see each other', async () => (await newer.status()).partner?.seen === true);
    assert.equal((await refusalOf(newer.api.call('forceUpdate'))).code, 'never-a-source');
    assert.equal((await ha2.status()).unit.digest, held);
    await ha2.api.call('takeover', { force: true });
    await ha2.api.call('forceUpdate');
    await untilInStep(ha2, newer);
    assert.equal((await newer.status()).unit.digest, held);
    assert.equal(partnerOf(newer).pairId, pairId);
  });

  describe('the partner comes back with another host key, because it was installed anew', () => {
    it('it is refused: status, log and errors name both keys, and the pinned one stays', async () => {
      await newer.stop();
      const pinned = fingerprintOf(newer);
      const host = generateKeyPair('reinstalled');
      writeFileSync(hostKeyFile(newer), host.private, { mode: 0o600 });
      await newer.start();
      const both = { pinned, offered: fingerprint(host.public) };
      await until('the other key is refused', async () => {
        const { sync } = await ha2.status();
        return sync.state === 'unreachable' && sync.refusal?.code === 'key-mismatch';
      });
      const { sync } = await ha2.status();
      assert.deepEqual({ ...sync.refusal?.facts, ...both }, sync.refusal?.facts);
      assert.match(String(sync.hint), /--replace/);
      const screen = (await ha2.cli('status')).stdout;
      const error = await refusalOf(ha2.api.call('forceUpdate'));
      const logged = ha2.log.find(({ code }) => code === 'key-mismatch');
      for (const shown of Object.values(both)) {
        assert.ok(screen.includes(shown), screen);
        assert.ok(error.message.includes(shown), error.message);
        assert.ok(String(logged?.reason).includes(shown), JSON.stringify(logged));
      }
      assert.deepEqual([logged?.pinned, logged?.offered], [both.pinned, both.offered]);
      assert.equal(fingerprint(partnerOf(ha2).hostKey), pinned);
    });

    it('until the operator at a terminal has seen both and says yes', async function () {
      if (!hasTerminal()) return this.skip();
      // It forgets too: it knows this unit as its partner still, and would not let it in as somebody new.
      assert.equal((await newer.cli('unpair', '--yes')).code, 0);
      const { code } = await newer.api.call('invite');
      const terminal = new Terminal(ha2, 'pair', newer.listen, '--replace', '--code', code);
      await terminal.shows('Go on?');
      terminal.type('y\r');
      assert.equal(await terminal.ended, 0, terminal.screen);
      assert.ok(terminal.screen.includes(fingerprintOf(newer)), terminal.screen);
      await untilInStep(ha2, newer);
    });

    it('the one who invites at a terminal sees who came', async function () {
      if (!hasTerminal()) return this.skip();
      await ha1.start();
      const terminal = new Terminal(ha2, 'pair', '--invite', '--replace');
      await terminal.shows('Go on?');
      terminal.type('y\r');
      await terminal.shows('It carries the key');
      const code = /--code (\S+)/.exec(terminal.screen)?.[1] ?? assert.fail(terminal.screen);
      await ha1.api.call('join', { host: ha2.listen, port: 6973, code });
      assert.equal(await terminal.ended, 0, terminal.screen);
      for (const shown of [fingerprintOf(newer), fingerprintOf(ha1), 'takes the place of'])
        assert.ok(terminal.screen.includes(shown), terminal.screen);
    });
  });

  describe('the partner is given up', () => {
    it('unpair wants --yes, says what is lost, and ends it', async () => {
      await untilInStep(ha1, ha2);
      const asked = await ha2.cli('unpair');
      assert.equal(asked.code, 2);
      assert.match(asked.stderr, /in step: from then on it drifts apart/);
      const { code, stdout } = await ha2.cli('unpair', '--yes');
      assert.equal(code, 0);
      assert.ok(stdout.includes(fingerprintOf(ha1)), stdout);
      assert.equal((await ha2.status()).sync.state, 'unpaired');
      assert.equal((await ha2.cli('unpair', '--yes')).code, 3);
      await until(
        'the other one is not let in any more',
        async () => (await ha1.status()).partner?.seen === false,
      );
    });
  });
});
