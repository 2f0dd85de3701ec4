import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Status } from '../../api/contract/status.ts';
import type { Partner } from '../../sync/pairing.ts';
import { type Answers, asThen, Golden, lasting, PLACES, type SetName, UNITS } from '../golden/golden.ts';
import { answerAgain, askAgain } from '../golden/replay.ts';
import { lockstep, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

interface Certificates {
  certificates: { kind: string; path: string; fingerprint: string }[];
}

/** Of those that are in bundles: that of the web interface belongs to a unit. */
function fingerprints({ certificates }: Certificates): Record<string, string> {
  const shared = certificates.filter(({ kind }) => kind !== 'web');
  return Object.fromEntries(shared.map(({ path: at, fingerprint }) => [at, fingerprint]));
}

/** Where the units of the golden folders are: 127.0.79.1 and 2. What each release left, and today's program makes of it. */
for (const golden of Golden.all()) {
  const expected = golden.expected();
  const { folder, remove } = temporaryFolder();
  let copies = 0;
  let running: TestUnit[] = [];

  /** Both units of a copy, not started. */
  const setOut = (set: SetName): { ha1: TestUnit; ha2: TestUnit } => {
    const dir = path.join(folder, String(copies++));
    golden.unpack(set, dir);
    const [ha1, ha2] = UNITS.map(name => new TestUnit(path.join(dir, name), PLACES[name].address)) as [
      TestUnit,
      TestUnit,
    ];
    running = [ha1, ha2];
    return { ha1, ha2 };
  };
  const serve = (unit: TestUnit): Promise<TestUnit> =>
    unit.start('--interval', '1', '--every-commit', '--scrub-hours', '0');
  const stateIs = (state: string, ...units: TestUnit[]): Promise<void> =>
    until(`both say ${state}`, async () => {
      const all = await Promise.all(units.map(unit => unit.status()));
      return all.every(({ sync }) => sync.state === state);
    });
  /** The unit holds and tells what it did when it was left. */
  const tellsTheSame = async (unit: TestUnit, then: Answers): Promise<void> => {
    const { unit: now } = await unit.status();
    const { digest, epoch, revision, role } = then.unit as Status['unit'];
    assert.deepEqual(
      [now.digest, now.epoch, now.revision, now.role],
      [digest, epoch, revision, role],
      'digest, epoch, revision, role',
    );
    for (const [words, answer] of Object.entries(then)) {
      if (words === 'unit') continue;
      const { answer: today } = await unit.type(...words.split(' '));
      // A revision keeps its moment and author: they are part of what must stay.
      assert.deepEqual(asThen(lasting(today), lasting(answer)), lasting(answer), words);
    }
  };

  describe(`what release ${golden.release} left behind`, function () {
    this.timeout(60_000);
    afterEach(() => Promise.all(running.map(unit => unit.kill())));
    after(remove);

    it('a pair in step is in step again, tells the same, and goes on', async () => {
      const { ha1, ha2 } = setOut('in-step');
      await Promise.all([ha1, ha2].map(serve));
      await untilInStep(ha1, ha2);
      await tellsTheSame(ha1, expected.sets['in-step'].ha1);
      await tellsTheSame(ha2, expected.sets['in-step'].ha2);
      for (const unit of [ha1, ha2]) await unit.typed('audit');
      const { revision } = (await ha1.status()).unit;
      const address = 'hosts/kept.example.com/address';
      const shown = async (): Promise<string> => (await ha1.typed<{ value: string }>('show', address)).value;
      const before = await shown();
      await ha1.typed('set', address, '10.1.0.99');
      await ha1.typed('rollback', String(revision));
      assert.equal(await shown(), before);
      const branch = (await ha1.status()).branches[0]?.name ?? '';
      await ha1.typed('merge', branch, '--theirs', 'hosts');
      await ha1.typed('force-update');
      await untilInStep(ha1, ha2);
      await until('no branch is open', async () => (await ha2.status()).branches.length === 0);
    });

    it('its operator is let in with the key of then', async () => {
      const { ha1, ha2 } = setOut('in-step');
      await serve(ha1);
      const identity = path.join(folder, 'ada');
      writeFileSync(identity, expected.operatorKey, { mode: 0o600 });
      const pinned = JSON.parse(readFileSync(path.join(ha2.dir, 'keys', 'partner.json'), 'utf8')) as Partner;
      const hostKey = path.join(folder, 'host.pub');
      writeFileSync(hostKey, pinned.hostKey);
      const remote = ['--unit', ha1.listen, '--identity', identity, '--host-key', hostKey];
      const { code, stdout, stderr } = await lockstep([...remote, 'operator', 'list']);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /ada[\s\S]*ci/);
    });

    it('two active units are still divided, and one path out is open', async () => {
      const { ha1, ha2 } = setOut('divided');
      await Promise.all([ha1, ha2].map(serve));
      await stateIs('both-active', ha1, ha2);
      await tellsTheSame(ha1, expected.sets.divided.ha1);
      await tellsTheSame(ha2, expected.sets.divided.ha2);
      await ha2.typed('takeover', '--force');
      await untilInStep(ha1, ha2);
      await until('the branch is there', async () => (await ha2.status()).branches.length === 1);
      await ha2.typed('merge', (await ha2.status()).branches[0]?.name ?? '', '--ours', 'hosts');
      await untilInStep(ha1, ha2);
    });

    it('a pause holds, and what nobody confirmed in time is undone', async () => {
      const { ha1, ha2 } = setOut('waiting');
      await Promise.all([ha1, ha2].map(serve));
      await stateIs('paused', ha1);
      const then = expected.sets.waiting.ha1.unit as Status['unit'];
      await until('it is undone', async () => (await ha1.status()).unit.digest === then.digest);
      const { provisional, sync } = await ha1.status();
      assert.deepEqual([provisional, sync.pause?.reason], [null, 'trying new rules']);
      await tellsTheSame(ha2, expected.sets.waiting.ha2);
      await ha1.typed('resume');
      await untilInStep(ha1, ha2);
    });

    it('what was restored and not confirmed still goes nowhere until it is', async () => {
      const { ha1, ha2 } = setOut('restored');
      await Promise.all([ha1, ha2].map(serve));
      await until('they see each other', async () => (await ha1.status()).partner?.seen === true);
      await tellsTheSame(ha1, expected.sets.restored.ha1);
      await tellsTheSame(ha2, expected.sets.restored.ha2);
      assert.notEqual((await ha1.status()).unit.digest, (await ha2.status()).unit.digest);
      await ha1.typed('confirm-source', '--yes');
      await untilInStep(ha1, ha2);
    });

    it('its bundles are restored', async () => {
      const unit = new TestUnit(path.join(folder, 'fresh'), PLACES.ha1.address);
      running = [unit];
      await unit.init({ mode: 'first', name: 'fresh' });
      golden.unpack('in-step', path.join(folder, 'site'));
      cpSync(path.join(folder, 'site', 'ha1', 'schema.d'), path.join(unit.dir, 'schema.d'), {
        recursive: true,
      });
      const passphrase = path.join(folder, 'passphrase');
      writeFileSync(passphrase, expected.passphrase, { mode: 0o600 });
      const how = ['--passphrase-file', passphrase, '--yes'];
      await serve(unit);
      await unit.typed('certs', 'restore', golden.file('site.certs.lockstep'), '--select', 'full', ...how);
      const kept = async (): Promise<Certificates> => unit.typed<Certificates>('certs', 'list');
      assert.deepEqual(
        fingerprints(await kept()),
        fingerprints(expected.bundles.certificates as Certificates),
      );
      await unit.typed('set', 'licence/esp', 'true');
      await unit.typed('restore', golden.file('site.lockstep'), '--as-the-old-unit', ...how);
      // The certificate of the web interface is in no bundle.
      const configuration = (shown: unknown): unknown => lasting(shown, ['revision', 'webCertificate']);
      assert.deepEqual(
        configuration(await unit.typed('show')),
        configuration(expected.bundles.configuration),
      );
    });

    for (const conversation of golden.conversations()) {
      const { name, from, asker } = conversation;
      it(`asked again, it answers as then: ${name}`, async () => {
        const units = setOut(from);
        const [asking, answering] = asker === 'ha1' ? [units.ha1, units.ha2] : [units.ha2, units.ha1];
        await serve(answering);
        assert.ok((await askAgain(conversation, asking, answering)) > 5);
      });

      it(`answered again, it asks as then: ${name}`, async () => {
        const units = setOut(from);
        const [asking, answering] = asker === 'ha1' ? [units.ha1, units.ha2] : [units.ha2, units.ha1];
        assert.ok((await answerAgain(conversation, asking, answering, () => serve(asking))) > 3);
      });
    }
  });
}
