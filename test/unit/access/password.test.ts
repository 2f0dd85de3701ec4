import assert from 'node:assert/strict';
import { scryptSync, timingSafeEqual } from 'node:crypto';
import { FORMATS } from '../../../schema/formats.ts';
import { assertLongEnough, hashPassword } from '../../../unit/access/password.ts';

/** Read from the text alone, as another program would. */
function verifies(password: string, phc: string): boolean {
  const [, ln, r, p, salt, hash] = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(phc) ?? [];
  const expected = Buffer.from(String(hash), 'base64');
  const options = { N: 2 ** Number(ln), r: Number(r), p: Number(p), maxmem: 128 * 1024 * 1024 };
  return timingSafeEqual(
    scryptSync(password, Buffer.from(String(salt), 'base64'), expected.length, options),
    expected,
  );
}

describe('a password for a hash', () => {
  it('has the length that access says, 8 where it says nothing, and is never shown', () => {
    for (const [password, least] of [
      ['z', undefined],
      ['hunter2', undefined],
      ['elevenchars', 12],
      ['\u{1f600}'.repeat(7), 8],
    ] as const)
      assert.throws(
        () => assertLongEnough('users/bal/passwordHash', password, least),
        (error: Error) => {
          assert.match(error.message, /at least (8|12) characters/);
          assert.equal(error.message.includes(password), false);
          return true;
        },
      );
    assertLongEnough('users/bal/passwordHash', 'eightchr', undefined);
    assertLongEnough('users/bal/passwordHash', 'twelve chars', 12);
  });
});

describe('the hash of a password', () => {
  it('is verified by scrypt of node:crypto, and by nothing but the password', async () => {
    const hash = await hashPassword('correct horse');
    assert.equal(verifies('correct horse', hash), true);
    assert.equal(verifies('Correct horse', hash), false);
  });

  it('is what the schema takes, and holds no part of the password', async () => {
    const hash = await hashPassword('MARKER');
    assert.equal(FORMATS['scrypt-hash']?.(hash), true);
    assert.match(hash, /^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    assert.equal(hash.includes('MARKER'), false);
  });

  it('is another one each time', async () => {
    assert.notEqual(await hashPassword('x'), await hashPassword('x'));
  });

  it('is the same password however the keyboard spells it', async () => {
    assert.equal(verifies('caf\u00e9', await hashPassword('cafe\u0301')), true);
  });
});
