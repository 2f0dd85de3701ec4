import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type Drop,
  type DropEffect,
  type DroppedFile,
  type DropState,
  dropTroubles,
  nextDue,
  noDrops,
  type Outcome,
  PATIENCE_MS,
  QUIET_MS,
  stepDrops,
} from '../../../unit/certificates/drops.ts';
import { findDrops } from '../../../unit/certificates/groups.ts';

const files = (...paths: string[]): DroppedFile[] => paths.map(path => ({ path, stamp: '1' }));
const found = (...paths: string[]) =>
  findDrops(files(...paths)).map(({ name, files: own, passphrase }) => [name, own, passphrase]);
const drop = (name: string, stamp = '1'): Drop => ({
  name,
  files: [`${name}.pem`],
  passphrase: undefined,
  stamp,
  fault: undefined,
});

/** Lives through events and keeps what was to be done. */
class Folder {
  state: DropState = noDrops;
  at = 0;

  listed(...drops: Drop[]): DropEffect[] {
    return this.step({ type: 'listed', at: this.at, drops });
  }

  /** Time passes; everything that is due on the way is done. */
  after(ms: number): DropEffect[] {
    const until = this.at + ms;
    const effects: DropEffect[] = [];
    for (let next = nextDue(this.state); next !== undefined && next <= until; next = nextDue(this.state)) {
      this.at = Math.max(this.at, next);
      effects.push(...this.step({ type: 'due', at: this.at }));
    }
    this.at = until;
    return effects;
  }

  tried(outcome: Outcome, name = 'shop', stamp = '1'): DropEffect[] {
    return this.step({ type: 'tried', at: this.at, name, stamp, outcome });
  }

  active(): DropEffect[] {
    return this.step({ type: 'active', at: this.at });
  }

  get troubles() {
    return dropTroubles(this.state);
  }

  private step(event: Parameters<typeof stepDrops>[1]): DropEffect[] {
    const { state, effects } = stepDrops(this.state, event);
    this.state = state;
    return effects;
  }
}

const incomplete: Outcome = {
  result: 'refused',
  passes: false,
  code: 'certificate-refused',
  message: 'no key',
};
const TELL = { do: 'tell', name: 'shop', code: 'certificate-refused', message: 'no key' };

describe('what lies in certs.d', () => {
  it('is put together by folder, or by name whatever follows it', () => {
    assert.deepEqual(found('shop.pem'), [['shop', ['shop.pem'], undefined]]);
    assert.deepEqual(found('www.site.example.key', 'www.site.example.CRT', 'b.cer', 'b.pem.key'), [
      ['b', ['b.cer', 'b.pem.key'], undefined],
      ['www.site.example', ['www.site.example.CRT', 'www.site.example.key'], undefined],
    ]);
    assert.deepEqual(found('shop.PFX', 'shop.pass'), [['shop', ['shop.PFX'], 'shop.pass']]);
    assert.deepEqual(found('shop.example', 'shop.cert.pem', 'shop.issuer.crt'), [
      ['shop', ['shop.cert.pem', 'shop.issuer.crt'], undefined],
      ['shop.example', ['shop.example'], undefined],
    ]);
    assert.deepEqual(found('shop_ecc/Fullchain.cer', 'shop_ecc/any.name', 'shop_ecc/passphrase.txt'), [
      ['shop_ecc', ['shop_ecc/Fullchain.cer', 'shop_ecc/any.name'], 'shop_ecc/passphrase.txt'],
    ]);
  });

  it('is passed over where a program is still at it, or has left it', () => {
    assert.deepEqual(found('shop.pem.tmp', '.shop.pem.swp', 'shop.pem~', 'shop/old.bak'), []);
    assert.deepEqual(found('.lockstep-0123456789ab.tmp', '.shop.pem', '.acme/key.pem'), []);
  });

  it('is named where nothing of it can be read', () => {
    const lost = { path: 'shop.pem', stamp: 'lost', fault: 'its link leads nowhere' };
    const [drop] = findDrops([lost]);
    assert.deepEqual(drop?.fault, {
      code: 'certificate-unreadable',
      message: 'shop.pem: its link leads nowhere',
    });
    const [partly] = findDrops([lost, { path: 'shop.crt', stamp: '1' }]);
    assert.deepEqual([partly?.fault, partly?.files], [undefined, ['shop.crt']]);
    assert.deepEqual(partly?.blocked, [{ file: 'shop.pem', why: 'its link leads nowhere' }]);
  });

  it('is refused where its name is none that a certificate can have', () => {
    for (const path of ['a b.pem', '*.site.example/fullchain.pem', `${'x'.repeat(252)}.pem`]) {
      const [only] = findDrops(files(path));
      assert.deepEqual([only?.name, only?.fault?.code], [path.replace(/(\.pem|\/.*)$/, ''), 'bad-id']);
    }
  });

  it('changes with every file that belongs to it, and with no other', () => {
    const stamp = (...all: DroppedFile[]): string | undefined =>
      findDrops(all).find(({ name }) => name === 'shop')?.stamp;
    const [crt, key, csr] = files('shop.crt', 'shop.key', 'pay.csr') as [
      DroppedFile,
      DroppedFile,
      DroppedFile,
    ];
    assert.equal(stamp(crt, key), stamp(key, crt, csr));
    assert.notEqual(stamp(crt, key), stamp(crt));
    assert.notEqual(stamp(crt, key), stamp(crt, { ...key, stamp: '2' }));
  });
});

describe('the watch of certs.d', () => {
  it('tries a drop once, when nothing about it has changed for a while', () => {
    const folder = new Folder();
    folder.listed(drop('shop'));
    assert.deepEqual(folder.after(QUIET_MS - 1), []);
    folder.listed(drop('shop', '2'));
    assert.deepEqual(folder.after(QUIET_MS - 1), []);
    assert.deepEqual(folder.after(1), [{ do: 'try', drop: drop('shop', '2') }]);
    assert.deepEqual(folder.after(60_000), []);
    folder.tried({ result: 'taken' }, 'shop', '2');
    folder.listed(drop('shop', '2'));
    assert.deepEqual([folder.after(3_600_000), folder.troubles], [[], []]);
  });

  it('gives what is not complete some time, then tells of it once', () => {
    const folder = new Folder();
    folder.listed(drop('shop'));
    folder.after(QUIET_MS);
    folder.tried(incomplete);
    assert.deepEqual([folder.after(PATIENCE_MS - QUIET_MS - 1), folder.troubles], [[], []]);
    assert.deepEqual(folder.after(1), [TELL]);
    assert.deepEqual(folder.troubles, [{ name: 'shop', code: 'certificate-refused', message: 'no key' }]);
    assert.deepEqual(folder.after(3_600_000), []);
  });

  it('says nothing of a key that comes soon after its certificate', () => {
    const folder = new Folder();
    folder.listed(drop('shop'));
    folder.after(QUIET_MS);
    folder.tried(incomplete);
    folder.after(2_000);
    folder.listed(drop('shop', '2'));
    assert.deepEqual(folder.after(QUIET_MS), [{ do: 'try', drop: drop('shop', '2') }]);
    folder.tried({ result: 'taken' }, 'shop', '2');
    assert.deepEqual([folder.after(PATIENCE_MS), folder.troubles], [[], []]);
  });

  it('goes on naming what is broken while it changes, and stops once it is taken', () => {
    const folder = new Folder();
    folder.listed(drop('shop'));
    folder.after(QUIET_MS);
    folder.tried(incomplete);
    folder.after(PATIENCE_MS);
    folder.listed(drop('shop', '2'));
    assert.equal(folder.troubles.length, 1);
    folder.after(QUIET_MS);
    folder.tried({ ...incomplete }, 'shop', '2');
    assert.deepEqual(folder.after(PATIENCE_MS), [], 'the same is not told twice');
    folder.listed(drop('shop', '3'));
    folder.after(QUIET_MS);
    folder.tried({ ...incomplete, message: 'wrong key' }, 'shop', '3');
    assert.equal(folder.after(PATIENCE_MS).length, 1, 'something else is');
    folder.listed(drop('shop', '4'));
    folder.after(QUIET_MS);
    folder.tried({ result: 'taken' }, 'shop', '4');
    assert.deepEqual(folder.troubles, []);
  });

  it('does not believe what became of files that have changed since', () => {
    const folder = new Folder();
    folder.listed(drop('shop'));
    folder.after(QUIET_MS);
    folder.listed(drop('shop', '2'));
    folder.tried({ result: 'taken' });
    assert.deepEqual(folder.after(QUIET_MS), [{ do: 'try', drop: drop('shop', '2') }]);
    folder.tried({ result: 'changed' }, 'shop', '2');
    assert.deepEqual(folder.after(QUIET_MS), [{ do: 'try', drop: drop('shop', '2') }]);
  });

  it('waits on a standby, and tries when the unit becomes active', () => {
    const folder = new Folder();
    folder.listed(drop('shop'));
    folder.after(QUIET_MS);
    folder.tried({ result: 'standby' });
    assert.deepEqual(
      folder.troubles.map(({ name, code }) => [name, code]),
      [['shop', 'not-active']],
    );
    assert.deepEqual(folder.after(3_600_000), []);
    folder.active();
    assert.deepEqual(folder.after(QUIET_MS), [{ do: 'try', drop: drop('shop') }]);
    folder.tried({ result: 'taken' });
    assert.deepEqual(folder.troubles, []);
  });

  it('tries again by itself what failed for another reason than its files', () => {
    const folder = new Folder();
    folder.listed(drop('shop'));
    folder.after(QUIET_MS);
    const full: Outcome = { result: 'refused', passes: true, code: 'disk', message: 'no space' };
    assert.deepEqual(folder.tried(full), [{ do: 'tell', name: 'shop', code: 'disk', message: 'no space' }]);
    assert.equal(folder.troubles.length, 1);
    assert.deepEqual(folder.after(59_999), []);
    assert.deepEqual(folder.after(1), [{ do: 'try', drop: drop('shop') }]);
    assert.deepEqual(folder.tried(full), [], 'the same is not told twice');
    folder.after(60_000);
    folder.tried({ result: 'taken' });
    assert.deepEqual([folder.after(3_600_000), folder.troubles], [[], []]);
  });

  it('is tried again when the time has come that alone mends it, and now and then before', () => {
    const folder = new Folder();
    folder.listed(drop('shop'));
    folder.after(QUIET_MS);
    const early: Outcome = {
      result: 'refused',
      passes: false,
      code: 'certificate-refused',
      message: 'it is valid from 2030-06-01 12:00:05 UTC on',
      againInMs: 5_000,
    };
    folder.tried(early);
    assert.deepEqual(
      folder.after(4_999).map(each => each.do),
      ['tell'],
    );
    assert.deepEqual(folder.after(1), [{ do: 'try', drop: drop('shop') }]);
    folder.tried({ ...early, againInMs: 86_400_000 });
    assert.deepEqual(folder.after(599_999), []);
    assert.deepEqual(folder.after(1), [{ do: 'try', drop: drop('shop') }], 'the clock may be set meanwhile');
    folder.tried({ result: 'taken' });
    assert.deepEqual([folder.after(3_600_000), folder.troubles], [[], []]);
  });

  it('names what was left out of what was taken', () => {
    const folder = new Folder();
    folder.listed(drop('shop'));
    folder.after(QUIET_MS);
    folder.tried({
      result: 'taken',
      leftOut: [{ file: 'shop/old.key', why: 'it holds another private key' }],
    });
    assert.deepEqual(folder.troubles, [
      { name: 'shop/old.key', code: 'certificate-left-out', message: 'it holds another private key' },
    ]);
  });

  it('tells of what lies there several times without reading it', () => {
    const folder = new Folder();
    const fault = { code: 'certificate-ambiguous', message: 'it lies there several times' };
    folder.listed({ ...drop('shop'), fault });
    assert.deepEqual(folder.after(PATIENCE_MS), [{ do: 'tell', name: 'shop', ...fault }]);
  });

  it('forgets what is gone, and removes nothing', () => {
    const folder = new Folder();
    folder.listed(drop('shop'));
    folder.after(QUIET_MS);
    folder.tried({ result: 'taken' });
    assert.deepEqual(folder.listed(), [{ do: 'forget', name: 'shop' }]);
    assert.deepEqual([folder.state.size, folder.after(3_600_000)], [0, []]);
  });

  it('tries the last state of every drop once it is quiet, whatever came before', () => {
    const event = fc.record({ wait: fc.nat(800), name: fc.constantFrom('a', 'b'), stamp: fc.nat(3) });
    const outcome = fc.constantFrom<Outcome[]>(
      { result: 'taken' },
      { result: 'changed' },
      { result: 'standby' },
      incomplete,
    );
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 20 }),
        fc.array(outcome, { minLength: 40 }),
        (events, ends) => {
          const folder = new Folder();
          const there = new Map<string, Drop>();
          const last = new Map<string, string>();
          const pass = (ms: number): void => {
            for (let i = 0; i < 8; i++)
              for (const effect of folder.after(ms / 8)) {
                if (effect.do !== 'try') continue;
                last.set(effect.drop.name, effect.drop.stamp);
                folder.tried(ends.pop() ?? { result: 'taken' }, effect.drop.name, effect.drop.stamp);
              }
          };
          for (const { wait, name, stamp } of events) {
            pass(wait);
            there.set(name, drop(name, `${stamp}`));
            folder.listed(...there.values());
          }
          pass(60_000);
          assert.deepEqual([...last].sort(), [...there].map(([name, { stamp }]) => [name, stamp]).sort());
        },
      ),
      { numRuns: 200 },
    );
  });
});
