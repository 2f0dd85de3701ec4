import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ChangeAnswer, ImportAnswer } from '../../api/contract/changes.ts';
import { issue } from '../certs/ca.ts';
import { lockstep, TestUnit, temporaryFolder, until } from './daemon.ts';

const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000);

describe('a change as an operator types it', function () {
  this.timeout(60_000);
  const { folder, remove } = temporaryFolder();
  const unit = new TestUnit(path.join(folder, 'ha1'), '127.0.106.1');
  const file = (name: string, content: string | Uint8Array): string => {
    const at = path.join(folder, name);
    writeFileSync(at, content);
    return at;
  };

  const shown = async (at: string): Promise<unknown> =>
    (await unit.json<{ value: unknown }>('show', at)).answer.value;

  before(async () => {
    await unit.init({
      mode: 'first',
      name: 'lb1',
      address: '10.20.0.11/24',
      shared: '10.20.0.139',
      partner: '10.20.0.12',
    });
    await unit.start();
    await unit.cli('set', 'licence/esp', 'true');
  });
  after(async () => {
    await unit.stop();
    remove();
  });

  it('of a part keeps what the part does not name, deep to the field', async () => {
    await unit.cli('set', 'ha/virtualId', '61');
    await unit.cli('set', 'interfaces/eth0/vlan', '{"id": 20, "parent": "eth0"}');
    const part = file('part.json', '{"ha": {"timeout": 12}, "interfaces": {"eth0": {"vlan": {"id": 21}}}}');
    const { answer } = await unit.json<ChangeAnswer>('apply', '-f', part);
    assert.deepEqual(answer.counts, { added: 0, changed: 2, removed: 0 });
    const ha = (await shown('ha')) as Record<string, unknown>;
    assert.deepEqual([ha.timeout, ha.virtualId, ha.mode], [12, 61, 'first']);
    assert.deepEqual(await shown('interfaces/eth0/vlan'), { id: 21, parent: 'eth0' });
  });

  it('by --replace says what goes', async () => {
    const part = file('whole.json', '{"ha": {"timeout": 12}}');
    const { stdout } = await unit.cli('apply', '-f', part, '--replace', '--dry-run');
    assert.match(stdout, /~ ha {2}\(.*-virtualId/);
    await unit.cli('set', 'hosts/db1/address', '10.0.0.1');
    const { stdout: records } = await unit.cli(
      'apply',
      '-f',
      file('hosts.json', '{"hosts": {}}'),
      '--replace',
      '--dry-run',
    );
    assert.match(records, /1 removed[\s\S]*- hosts\/db1/);
  });

  it('takes the folder of the example, and the folder that the mirror writes', async () => {
    const site = await unit.json<ChangeAnswer>('apply', '-f', path.resolve('examples/site'), '--dry-run');
    assert.equal(site.code, 0, JSON.stringify(site.answer));
    assert.ok(site.answer.counts.added > 20);
    const own = await unit.json<ChangeAnswer>('apply', '-f', path.join(unit.dir, 'config'));
    assert.deepEqual(own.answer.counts, { added: 0, changed: 0, removed: 0 });
  });

  it('tells with the `set` what it brings', async () => {
    const preferred = await unit.cli('set', 'ha/preferredHost', 'first');
    assert.match(preferred.stdout, /Warning:\n {2}ha\/preferredHost: .* connections may drop/);
    await unit.cli('set', 'ha/preferredHost', 'none');
    const loopback = await unit.cli('set', 'virtualServices/tcp:127.0.0.1:80', '{}', '--dry-run');
    assert.match(loopback.stdout, /loopback address/);
  });

  it('tells with the `set` what it brings about certificates and the backup schedule', async () => {
    const soon = issue({ names: ['shop.example'], from: inDays(-1), to: inDays(4.5) });
    const shop = file('cert.json', JSON.stringify({ certificate: soon.pem, key: soon.keyPem }));
    const set = await unit.cli('set', 'certificates/shop', '--value-file', shop);
    assert.match(set.stdout, /Warning[\s\S]*certificates\/shop: it expires on .*, in 4 days/);
    const service = ['set', 'virtualServices/tcp:10.20.0.120:443'];
    const uses = JSON.stringify({ layer: 7, sslAcceleration: true, certificates: ['shop'] });
    const shows = await unit.cli(...service, uses, '--dry-run');
    assert.match(shows.stdout, /it shows certificate shop: it expires on .*, in 4 days/);
    const hosts = await unit.cli(
      ...service,
      JSON.stringify({ ...JSON.parse(uses), allowedHosts: ['other.example'] }),
    );
    assert.match(hosts.stdout, /its certificate shop is not for other\.example/);
    const named = await unit.cli('set', 'virtualServices/tcp:10.20.0.120:443/nickname', 'shop');
    assert.doesNotMatch(named.stdout, /Warning/, 'which the name did not cause');
    const bare = await unit.cli('unset', 'certificates/shop/key');
    assert.match(bare.stdout, /certificates\/shop: its private key is missing/);
    const nightly = await unit.cli(
      'set',
      'backupSchedule',
      '{"enabled": true, "method": "local"}',
      '--dry-run',
    );
    assert.match(nightly.stdout, /backupSchedule: This unit has no passphrase for scheduled bundles/);
  });

  it('keeps the hash of a password, whichever way a record brings it', async () => {
    const record = JSON.stringify({ passwordHash: 'long enough too', comment: 'Ada' });
    const put = await lockstep(['--dir', unit.dir, 'set', 'users/ada', '-'], { input: record });
    assert.equal(put.code, 0, put.stderr);
    const document = file(
      'users.json',
      JSON.stringify({ users: { ada: JSON.parse(record), bal: { passwordHash: 'long enough as well' } } }),
    );
    const first = await unit.json<ChangeAnswer>('apply', '-f', document);
    assert.deepEqual(first.answer.counts, { added: 0, changed: 1, removed: 0 }, 'Ada has that password');
    const again = await unit.json<ChangeAnswer>('apply', '-f', document);
    assert.deepEqual(again.answer.counts, { added: 0, changed: 0, removed: 0 });
    const held = await unit.stored(async store => [
      await store.read('users/ada'),
      await store.read('users/bal'),
    ]);
    for (const each of held) assert.match(String(each?.passwordHash), /^\$scrypt\$ln=15/);
    const short = await lockstep(['--dir', unit.dir, 'set', 'users/ada', '-'], {
      input: '{"passwordHash": "a"}',
    });
    assert.match(short.stderr, /users\/ada\/passwordHash: a password has at least 8 characters/);
    const seen = await unit.cli('set', 'users/ada', record);
    assert.match(seen.stderr, /hint: lockstep set users\/ada\/passwordHash asks for it/);
    const slip = await lockstep(['--dir', unit.dir, 'set', 'users/ada', '-'], {
      input: '{"password": "long enough"}',
    });
    assert.match(slip.stderr, /Did you mean "passwordHash"\?/);
  });

  it('of a file with a password says which command keeps its hash', async () => {
    writeFileSync(
      path.join(unit.dir, 'config', 'users', 'ada.json'),
      '{"passwordHash": "long enough three"}\n',
    );
    await until('the file is named', async () => {
      const { stdout } = await unit.cli('status');
      return /lockstep set users\/ada\/passwordHash asks for the password and keeps its hash/.test(
        stdout.replace(/\s+/g, ' '),
      );
    });
  });

  it('is refused in one sentence with the range', async () => {
    const { stderr } = await unit.cli('set', 'ha/virtualId', '256');
    assert.match(stderr, /must be a whole number from 1 to 255, not 256\./);
    const port = await unit.cli('set', 'virtualServices/tcp:10.20.0.100:70000', '{}');
    assert.match(
      port.stderr,
      /^lockstep: .*must be a whole number from 1 to 65535, or "\*", not 70000\.\nhint: .*\n$/,
    );
  });

  it('takes no password that is shorter than access says, and says that only the hash is kept', async () => {
    const typed = (input: string) =>
      lockstep(['--dir', unit.dir, 'set', 'users/bal/passwordHash', '-'], { input });
    const short = await typed('a');
    assert.equal(short.code, 3);
    assert.match(short.stderr, /a password has at least 8 characters/);
    const good = await typed('long enough');
    assert.match(good.stdout + good.stderr, /only its scrypt hash/);
  });

  it('by import leaves one bad value out and takes the rest, in the encoding that the appliance declares', async () => {
    const vs = (index: number, more: string): string =>
      `<VS><Index>${index}</Index><VSAddress>10.20.0.${100 + index}</VSAddress><VSPort>80</VSPort><Protocol>tcp</Protocol>${more}</VS>`;
    const text = `<?xml version="1.0" encoding="ISO-8859-1"?><Response stat="200" code="ok"><Success><Data>${vs(
      1,
      '<NickName>Caf\u00e9</NickName><QoS>16</QoS>',
    )}${vs(2, '<CertFile>gone</CertFile><ErrorCode>7</ErrorCode>')}</Data></Success></Response>`;
    const { code, answer } = await unit.json<ImportAnswer>(
      'import',
      'loadmaster',
      file('listvs.xml', Buffer.from(text, 'latin1')),
    );
    assert.deepEqual([code, answer.counts], [0, { added: 2, changed: 0, removed: 0 }]);
    assert.equal(await shown('virtualServices/tcp:10.20.0.101:80/nickname'), 'Caf\u00e9');
    const named = answer.leftOut.map(({ parameter }) => parameter);
    for (const parameter of ['ErrorCode', 'certificates']) assert.ok(named.includes(parameter), parameter);
  });
});
