import assert from 'node:assert/strict';
import path from 'node:path';
import { pairUp, TestUnit, temporaryFolder, untilInStep } from './daemon.ts';

describe('a takeover while the active unit stands still', function () {
  this.timeout(60_000); // the silence of a partner is waited for
  const { folder, remove } = temporaryFolder();
  const active = new TestUnit(path.join(folder, 'a'), '127.0.93.1');
  const standby = new TestUnit(path.join(folder, 'b'), '127.0.93.2');
  after(async () => {
    await Promise.all([active.kill(), standby.kill()]);
    remove();
  });

  it('says what the unit is now and what to type, which works; both agree once it goes on', async () => {
    await active.typed('init', '--mode', 'first', '--name', 'lb1', '--virtual-id', '93');
    await standby.typed('init', '--mode', 'second', '--name', 'lb2', '--virtual-id', '93');
    await Promise.all([active.start(), standby.start()]);
    await pairUp(active, standby);
    await active.typed('force-update');
    await untilInStep(active, standby);
    process.kill(active.pid, 'SIGSTOP');
    const { code, stderr } = await standby.cli('takeover');
    assert.equal(code, 4, stderr);
    assert.match(stderr, /This unit is still standby, in epoch 1; lb1 may have stepped down/);
    assert.match(stderr, /Type lockstep takeover again/);
    await standby.typed('takeover');
    assert.equal((await standby.status()).unit.role, 'active');
    process.kill(active.pid, 'SIGCONT');
    await untilInStep(standby, active);
    assert.equal((await active.status()).unit.role, 'standby');
  });
});
