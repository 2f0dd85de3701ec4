import assert from 'node:assert/strict';
import path from 'node:path';
import { Golden } from '../golden/golden.ts';
import { stepByStep } from '../steps.ts';
import { pairUp, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const HOST = 'hosts/crosses.example.com/address';

for (const golden of Golden.all()) {
  describe(`a unit of release ${golden.release} as the partner of one of today`, function () {
    this.timeout(60_000);
    stepByStep();
    const { folder, remove } = temporaryFolder();
    let main = '';
    let [ha1, ha2] = [] as unknown as [TestUnit, TestUnit];
    let last = 0;

    const unitOf = (name: string, address: string, which: 'old' | 'new'): TestUnit =>
      new TestUnit(path.join(folder, name), address, which === 'old' ? { main } : {});
    const serve = (unit: TestUnit): Promise<TestUnit> => unit.start('--interval', '1', '--every-commit');
    /** A change on the first that the second then holds. */
    const crosses = async (from: TestUnit, to: TestUnit, ...how: string[]): Promise<void> => {
      const address = `10.7.0.${++last}`;
      await from.typed('set', HOST, address, ...how);
      await untilInStep(from, to);
      assert.equal((await to.type<{ value: string }>('show', HOST)).answer.value, address);
    };
    const takesOver = async (unit: TestUnit, partner: TestUnit): Promise<void> => {
      await unit.typed('takeover');
      await untilInStep(unit, partner);
      assert.deepEqual(
        [(await unit.status()).unit.role, (await partner.status()).unit.role],
        ['active', 'standby'],
      );
    };
    const init = async (unit: TestUnit, mode: 'first' | 'second', name: string): Promise<void> => {
      await unit.typed('init', '--mode', mode, '--name', name, '--virtual-id', '80');
      await serve(unit);
    };

    before(() => {
      main = golden.unpackProgram(path.join(folder, 'program'));
    });
    after(async () => {
      await Promise.all([ha1?.kill(), ha2?.kill()]);
      remove();
    });

    it('the old one active: pairs, is kept in step, asked beforehand, confirmed and audited', async () => {
      ha1 = unitOf('ha1', '127.0.80.1', 'old');
      ha2 = unitOf('ha2', '127.0.80.2', 'new');
      await init(ha1, 'first', 'lb1');
      await init(ha2, 'second', 'lb2');
      await pairUp(ha1, ha2);
      await crosses(ha1, ha2);
      await crosses(ha1, ha2, '--wait');
      await crosses(ha1, ha2, '--confirm', '5');
      await ha1.typed('confirm');
      await until('the standby knows', async () => (await ha2.status()).provisional === null);
      for (const unit of [ha1, ha2]) await unit.typed('audit');
    });

    it('the new one takes over, and the old one is its standby', async () => {
      await takesOver(ha2, ha1);
      await crosses(ha2, ha1);
      await crosses(ha2, ha1, '--wait');
      await crosses(ha2, ha1, '--confirm', '5');
      await ha2.typed('confirm');
      await until('the standby knows', async () => (await ha1.status()).provisional === null);
      await ha2.typed('force-update');
      for (const unit of [ha1, ha2]) await unit.typed('audit');
      await takesOver(ha1, ha2);
      await crosses(ha1, ha2);
    });

    it('divided, one stands down, and what it held becomes a branch that merges', async () => {
      await ha2.stop();
      await ha1.typed('set', 'hosts/alone.example.com/address', '10.7.1.1');
      await ha1.stop();
      await serve(ha2);
      await ha2.typed('takeover');
      await ha2.typed('set', 'hosts/other.example.com/address', '10.7.1.2');
      await serve(ha1);
      for (const unit of [ha1, ha2])
        await until('both say so', async () => (await unit.status()).sync.state === 'both-active');
      await ha2.typed('takeover', '--force');
      await untilInStep(ha1, ha2);
      await until('the branch is there', async () => (await ha2.status()).branches.length === 1);
      await ha2.typed('merge', (await ha2.status()).branches[0]?.name ?? '');
      await untilInStep(ha1, ha2);
      await until('it is closed on both', async () => (await ha1.status()).branches.length === 0);
      await ha1.typed('show', 'hosts/other.example.com');
    });

    it('is upgraded as it stands: the same folder, the program of today', async () => {
      const { digest, revision: before } = (await ha1.status()).unit;
      await ha1.stop();
      ha1 = unitOf('ha1', '127.0.80.1', 'new');
      await serve(ha1);
      await untilInStep(ha1, ha2);
      const { unit } = await ha1.status();
      assert.deepEqual([unit.digest, unit.revision], [digest, before]);
      await crosses(ha2, ha1);
      await takesOver(ha1, ha2);
    });

    it('the new one invites, and the old one joins', async () => {
      await Promise.all([ha1.stop(), ha2.stop()]);
      ha1 = unitOf('ha3', '127.0.80.3', 'new');
      ha2 = unitOf('ha4', '127.0.80.4', 'old');
      await init(ha1, 'first', 'lb3');
      await init(ha2, 'second', 'lb4');
      await pairUp(ha1, ha2);
      await crosses(ha1, ha2);
      await takesOver(ha2, ha1);
      await crosses(ha2, ha1);
    });
  });
}
