import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ConfirmSourceAnswer, ResumeAnswer } from '../../api/contract/pair.ts';
import type { Pause } from '../../api/contract/shapes.ts';
import type { Status } from '../../api/contract/status.ts';
import type { JsonObject } from '../../schema/json.ts';
import { stepByStep } from '../steps.ts';
import { pairUp, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const { shop } = JSON.parse(readFileSync(path.resolve('examples', 'site', 'site.json'), 'utf8'))
  .certificates as { shop: JsonObject };

describe('a unit that does not take part in everything', function () {
  this.timeout(60_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.62.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.62.2');
  const serve = (unit: TestUnit): Promise<TestUnit> => unit.start('--interval', '1');
  const addHost = (unit: TestUnit, name: string) =>
    unit.api.call('change', {
      changes: [{ op: 'put', path: `hosts/${name}`, value: { address: '10.30.0.80' } }],
    });
  const holds = (unit: TestUnit, name: string): Promise<boolean> =>
    unit.api.call('show', { path: `hosts/${name}` }).then(
      () => true,
      () => false,
    );
  const metric = async (unit: TestUnit, name: string): Promise<string | undefined> =>
    new RegExp(`^lockstep_${name} (.*)$`, 'm').exec((await unit.http('GET', '/metrics')).text)?.[1];
  const logged = (unit: TestUnit, message: string): boolean => unit.log.some(({ msg }) => msg === message);

  before(async () => {
    await Promise.all([
      ha1.init({ mode: 'first', name: 'lb1' }).then(serve),
      ha2.init({ mode: 'second', name: 'lb2' }).then(serve),
    ]);
    await pairUp(ha1, ha2);
    await addHost(ha1, 'first');
    await untilInStep(ha1, ha2);
  });

  after(async () => {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  });

  describe('updates that are paused', () => {
    it('are asked for with a reason, on the active unit', async () => {
      const silent = await ha1.json('pause');
      assert.deepEqual([silent.code, silent.answer.error.code], [2, 'bad-usage']);
      const elsewhere = await ha2.json('pause', '--reason', 'freeze it');
      assert.deepEqual([elsewhere.code, elsewhere.answer.error.code], [3, 'not-active']);
      assert.match(String(elsewhere.answer.error.hint), /on lb1 \(127\.0\.62\.1\)/);
      const endless = await ha1.json('pause', '--for', 'ever', '--reason', 'r');
      assert.deepEqual([endless.code, endless.answer.error.code], [2, 'bad-usage']);
      const { code, answer } = await ha1.json<Pause>('pause', '--reason', 'trying new rules');
      assert.deepEqual([code, answer.reason, answer.until], [0, 'trying new rules', null]);
    });

    it('do not go out, and status says who, why and what to do, on both units', async () => {
      await addHost(ha1, 'held-back');
      const { code, answer } = await ha1.json('force-update');
      assert.deepEqual([code, answer.error.code], [3, 'paused']);
      assert.match(answer.error.message, /paused by .+: trying new rules\.$/);
      assert.match(String(answer.error.hint), /lockstep resume/);
      const screen = await ha1.cli('status');
      assert.equal(screen.code, 1);
      assert.match(screen.stdout, /^sync +paused: lb2 lacks changes/m);
      assert.match(screen.stdout, /^paused +by .* until somebody resumes: trying new rules$/m);
      await until('the standby knows', async () => (await ha2.status()).sync.state === 'paused');
      assert.equal(await metric(ha1, 'updates_paused'), '1');
    });

    it('stay paused after a crash, and are not brought along by a takeover', async () => {
      await ha1.kill();
      await serve(ha1);
      await until('they see each other', async () => (await ha2.status()).partner?.seen === true);
      await until('it is paused', async () => (await ha1.status()).sync.state === 'paused');
      const { code, answer } = await ha2.json('takeover');
      assert.deepEqual([code, answer.error.code], [3, 'takeover-incomplete']);
      assert.match(answer.error.message, /trying new rules/);
      assert.match(String(answer.error.hint), /lockstep resume/);
      assert.equal(await holds(ha2, 'held-back'), false);
    });

    it('go out again, at once, when somebody resumes', async () => {
      const { code, answer } = await ha1.json<ResumeAnswer>('resume');
      assert.deepEqual([code, answer.lifted], [0, ['pause']]);
      await untilInStep(ha1, ha2);
      assert.equal(await holds(ha2, 'held-back'), true);
      assert.equal(await metric(ha1, 'updates_paused'), '0');
      assert.match((await ha1.cli('resume')).stdout, /Nothing was paused/);
    });

    it('go out again by themselves after the time that was given', async () => {
      const { stdout } = await ha1.cli('pause', '--for', '1s', '--reason', 'for a moment');
      assert.match(stdout, /^Updates are paused until .*: for a moment\.\n/);
      await addHost(ha1, 'a-moment-later');
      await untilInStep(ha1, ha2);
      assert.equal((await ha1.status()).sync.pause, null);
      assert.ok(logged(ha1, 'updates paused') && logged(ha1, 'updates go out again'));
    });
  });

  describe('what was restored', () => {
    it('goes out to nobody, whatever the role', async () => {
      await ha1.stop();
      await ha1.stored(store =>
        store.commit({
          changes: [{ op: 'remove', path: 'hosts/held-back' }],
          kind: 'restore',
          author: 'ada',
          reason: 'restore of old.bundle',
          unconfirmed: true,
        }),
      );
      await serve(ha1);
      await until('they have met', async () => (await ha1.status()).sync.state === 'refused');
      const { code, answer } = await ha1.json('force-update');
      assert.deepEqual([code, answer.error.code], [3, 'never-a-source']);
      assert.match((await ha1.cli('status')).stdout, /^restored +.* by ada, not confirmed: restore of old/m);
      assert.equal(await holds(ha2, 'held-back'), true);
      assert.equal(await metric(ha1, 'unconfirmed'), '1');
    });

    it('until somebody confirms it, who is asked first', async () => {
      const unasked = await ha1.json('confirm-source');
      assert.deepEqual([unasked.code, unasked.answer.error.code], [2, 'bad-usage']);
      const { code, answer } = await ha1.json<ConfirmSourceAnswer>('confirm-source', '--yes');
      assert.deepEqual([code, answer.confirmed?.by], [0, 'ada']);
      await untilInStep(ha1, ha2);
      assert.equal(await holds(ha2, 'held-back'), false);
      assert.equal(await metric(ha1, 'unconfirmed'), '0');
      assert.ok(logged(ha1, 'the restored configuration is confirmed as a source'));
      assert.match((await ha1.cli('confirm-source')).stdout, /nothing to confirm/);
    });
  });

  describe('a standby', () => {
    const certificate = (value: JsonObject) =>
      ha1.api.call('change', {
        changes: [
          { op: 'put', path: 'certificates/shop', value },
          { op: 'put', path: 'virtualServices/tcp:10.1.0.1:443', value: { certificates: ['shop'] } },
        ],
      });
    const readiness = async (unit: TestUnit) => (await unit.status()).takeover;

    it('is ready to take over, and says when it looked; the active unit has nothing to say', async () => {
      await until('it has looked', async () => (await readiness(ha2))?.ready === true);
      assert.equal(await readiness(ha1), null);
      assert.match((await ha2.cli('status')).stdout, /^takeover +ready, records looked at .* ago$/m);
      assert.deepEqual(
        [await metric(ha1, 'takeover_ready'), await metric(ha2, 'takeover_ready')],
        ['-1', '1'],
      );
      assert.ok(logged(ha2, 'ready to take over'));
    });

    it('is not, once an update brings a certificate whose key does not fit, and names it', async () => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      await certificate({ ...shop, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() });
      await ha1.api.call('forceUpdate');
      await until('it has looked', async () => (await readiness(ha2))?.ready === false);
      const screen = (await ha2.cli('status')).stdout;
      assert.match(screen, /^takeover +not ready/m);
      assert.match(screen, /certificates\/shop: its private key belongs to another certificate/);
      const findings = (await readiness(ha2))?.findings.map(({ code, path: at }) => [code, at]);
      assert.deepEqual(findings, [['key-unfit', 'certificates/shop']]);
      assert.equal(await metric(ha2, 'takeover_ready'), '0');
      assert.ok(logged(ha2, 'not ready to take over'));
    });

    it('is again, once the certificate is replaced', async () => {
      await certificate(shop);
      await ha1.api.call('forceUpdate');
      await until('it has looked', async () => (await readiness(ha2))?.ready === true);
    });
  });

  describe('a unit that keeps breaking off', () => {
    it('is pacified: blue, also on its partner, and it answers', async () => {
      for (let time = 0; time < 4; time++) {
        await ha2.kill();
        await serve(ha2);
      }
      const { code, answer } = await ha2.json<Status>('status');
      assert.deepEqual([code, answer.sync.state, answer.unit.pacified?.restarts], [1, 'pacified', 4]);
      assert.deepEqual(
        answer.squares.map(({ unit, colour }) => [unit, colour]),
        [
          ['HA1', 'red'],
          ['HA2', 'blue'],
        ],
      );
      assert.match((await ha2.cli('status')).stdout, /^\[#\] HA2 blue .*\n[\s\S]*hint: .*lockstep resume/m);
      assert.equal(await metric(ha2, 'pacified'), '1');
      assert.ok(logged(ha2, 'this unit is pacified'));
      const takeover = await ha2.json('takeover');
      assert.deepEqual([takeover.code, takeover.answer.error.code], [3, 'pacified']);
      await until('its partner knows', async () => {
        const { sync, squares } = await ha1.status();
        return sync.state === 'unreachable' && squares[1]?.colour === 'blue';
      });
      assert.match((await ha1.cli('status')).stdout, /hint: .*lockstep resume/);
    });

    it('also after one more start, until somebody resumes it', async () => {
      await ha2.stop();
      await serve(ha2);
      assert.equal((await ha2.status()).sync.state, 'pacified');
      await addHost(ha1, 'meanwhile');
      const { code, answer } = await ha2.json<ResumeAnswer>('resume');
      assert.deepEqual([code, answer.lifted], [0, ['pacified']]);
      await untilInStep(ha1, ha2);
      assert.equal(await holds(ha2, 'meanwhile'), true);
      assert.equal((await ha1.status()).squares[1]?.colour, 'green');
    });
  });
});
