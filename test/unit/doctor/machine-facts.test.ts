import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskOf, laxPlacesOf, linkOf, listensOn, run } from '../../../unit/doctor/machine-facts.ts';
import { clockKept } from '../../../unit/doctor/time-sync.ts';
import { unitFolder } from '../../../unit/folder.ts';

describe('what the machine says', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-machine-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const network = (name: string, operstate: string, carrier?: string): void => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'operstate'), `${operstate}\n`);
    if (carrier !== undefined) writeFileSync(join(folder, name, 'carrier'), `${carrier}\n`);
  };

  it('of a link: up, down, not there, or nothing at all', async () => {
    network('eth0', 'up', '1');
    network('eth1', 'down');
    network('eth2', 'lowerlayerdown');
    network('lo', 'unknown', '1');
    network('tun0', 'unknown', '0');
    const names = ['eth0', 'eth1', 'eth2', 'lo', 'tun0', 'eth9'];
    assert.deepEqual(await Promise.all(names.map(name => linkOf(name, folder))), [
      'up',
      'down',
      'down',
      'up',
      'down',
      'missing',
    ]);
    assert.equal(await linkOf('eth0', join(folder, 'no-sysfs')), 'unknown');
  });

  it('of a port: whether somebody listens there', async () => {
    const server = createServer();
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    assert.equal(await listensOn(port), true);
    await new Promise(resolve => server.close(resolve));
    assert.equal(await listensOn(port), false);
    assert.equal(await listensOn(port, [join(folder, 'none')]), null);
  });

  it('of a connection to the port, which is nobody who listens', async () => {
    const head = '  sl  local_address rem_address   st';
    writeFileSync(join(folder, 'tcp'), `${head}\n   0: 0100007F:1B3D 0100007F:C001 01 0\n`);
    assert.equal(await listensOn(6973, [join(folder, 'tcp')]), false);
    writeFileSync(join(folder, 'tcp'), `${head}\n   0: 0100007F:1B3D 00000000:0000 0A 0\n`);
    assert.equal(await listensOn(6973, [join(folder, 'tcp')]), true);
  });

  it('of the disk: what is free', async () => {
    const disk = await diskOf(folder);
    assert.ok(disk !== null && disk.totalBytes > 0 && disk.freeBytes <= disk.totalBytes);
    assert.equal(await diskOf(join(folder, 'none')), null);
  });

  it('of the folder of a unit: what others can get at', () => {
    const unit = unitFolder(folder);
    for (const each of [unit.keys, unit.store, unit.log]) mkdirSync(each, { mode: 0o700 });
    writeFileSync(unit.hostKey, '', { mode: 0o600 });
    assert.deepEqual(laxPlacesOf(unit), []);
    chmodSync(unit.hostKey, 0o640);
    chmodSync(unit.log, 0o755);
    assert.deepEqual(
      laxPlacesOf(unit).map(({ path, message }) => [path, message]),
      [
        [unit.hostKey, 'mode 0640'],
        [unit.log, 'mode 0755'],
      ],
    );
  });

  it('through a tool that is not there: nothing', async () => {
    assert.deepEqual(await run('no-such-tool-of-lockstep', []), { code: undefined, said: '' });
    assert.deepEqual(await run('sh', ['-c', 'echo yes; exit 3']), { code: 3, said: 'yes\n' });
  });
});

describe('whether a clock is kept right', () => {
  const nobody = { chrony: undefined, timedatectl: undefined, timesyncd: false };
  const tracking = (leap: string): string => `A29FC87B,162.159.200.123,4,1700000000.1,0.001,0.002,${leap}`;

  it('is said by chrony first, then by systemd', () => {
    assert.equal(clockKept({ ...nobody, chrony: tracking('Normal'), timedatectl: 'no' }).synchronised, true);
    assert.equal(clockKept({ ...nobody, chrony: tracking('Not synchronised') }).synchronised, false);
    assert.equal(clockKept({ ...nobody, timesyncd: true, timedatectl: 'no' }).synchronised, true);
    assert.deepEqual(clockKept({ ...nobody, timedatectl: 'yes' }), {
      synchronised: true,
      by: 'timedatectl says yes',
    });
    assert.equal(clockKept({ ...nobody, timedatectl: 'no' }).synchronised, false);
  });

  it('is not known where nobody says so', () => {
    assert.equal(clockKept(nobody).synchronised, null);
    assert.equal(clockKept({ ...nobody, timedatectl: 'n/a', chrony: '' }).synchronised, null);
  });
});
