import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { isSshPublicKey, sshKeyBlob, sshKeyFault, sshKeyType } from '../../schema/ssh-key.ts';
import { needs } from '../needs.ts';

/** Made by OpenSSH, so that it is not us who says what a key looks like. */
function made(folder: string, type: string, bits: number): string {
  const file = join(folder, `${type}-${bits}`);
  execFileSync('ssh-keygen', [
    '-q',
    '-t',
    type,
    '-b',
    String(bits),
    '-N',
    '',
    '-C',
    'no comment',
    '-f',
    file,
  ]);
  return readFileSync(`${file}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
}

describe('the public key of an operator', () => {
  let folder: string;
  before(function () {
    needs(this, 'ssh-keygen');
    folder = mkdtempSync(join(tmpdir(), 'lockstep-key-'));
  });
  after(() => folder === undefined || rmSync(folder, { recursive: true }));

  it('may be Ed25519, ECDSA on P-256, or RSA of 2048 bits and more', () => {
    const good = [
      made(folder, 'ed25519', 256),
      made(folder, 'ecdsa', 256),
      made(folder, 'rsa', 2048),
      made(folder, 'rsa', 3072),
    ];
    for (const line of good) {
      assert.equal(sshKeyFault(line), undefined, line);
      assert.equal(sshKeyType(sshKeyBlob(line)), line.split(' ')[0]);
    }
  });

  it('is refused with the reason otherwise', () => {
    const ed25519 = made(folder, 'ed25519', 255);
    const [type, encoded] = ed25519.split(' ') as [string, string];
    const cases: [string, RegExp][] = [
      [made(folder, 'rsa', 1024), /an RSA key of 1024 bits/],
      [made(folder, 'ecdsa', 384), /of the type ecdsa-sha2-nistp384/],
      [`ssh-rsa ${encoded}`, /says one type and holds another/],
      [`${ed25519} comment`, /not one public key/],
      [` ${ed25519}`, /not one public key/],
      [`${ed25519}\n`, /not one public key/],
      [`${type} ${encoded.slice(0, -4)}`, /not one public key/],
      [`${type} ${encoded}AAAA`, /not one public key/],
      ['', /not one public key/],
      ['ssh-ed25519', /not one public key/],
    ];
    for (const [line, reason] of cases) assert.match(sshKeyFault(line) ?? 'accepted', reason, line);
  });

  it('has one spelling, whatever is written', () => {
    const line = made(folder, 'ed25519', 254);
    fc.assert(
      fc.property(fc.nat(line.length - 1), fc.string({ maxLength: 3 }), (at, text) => {
        const other = line.slice(0, at) + text + line.slice(at + 1);
        if (!isSshPublicKey(other)) return;
        assert.equal(`ssh-ed25519 ${sshKeyBlob(other).toString('base64')}`, other);
      }),
    );
  });
});
