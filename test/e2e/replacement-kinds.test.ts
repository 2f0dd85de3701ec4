/** The other replacements: one dead unit, both from bundles, a pair out of one unit, one unit out of a pair, and the way back. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { stepByStep } from '../steps.ts';
import { temporaryFolder, untilInStep } from './daemon.ts';
import { Site } from './replacement.ts';

describe('replacing units, the other ways', function () {
  this.timeout(120_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const site = new Site(path.join(folder, 'one'), 98);
  const { A, B, C, D } = site.units;
  const put = (unit: typeof A, name: string) =>
    unit.api.call('change', {
      changes: [{ op: 'put', path: `hosts/${name}.example.com`, value: { address: '10.0.0.7' } }],
    });
  const holds = async (unit: typeof A, name: string): Promise<boolean> =>
    `${name}.example.com` in ((await unit.api.call('show', { path: 'hosts' })).value as object);
  const plan = async (on: Site, what: object): Promise<void> => {
    on.write(what);
    const { code, stderr } = await on.replace('plan', on.plan, '--passphrase-file', on.passphrase);
    assert.equal(code, 0, stderr);
  };
  let sites: Site[] = [];
  /** The same units, a folder of its own. */
  const again = (name: string): Site => {
    const next = new Site(path.join(folder, name), 98);
    Object.assign(next, { units: site.units, on: site.on });
    sites = [...sites, next];
    return next;
  };

  before(async () => {
    await site.make();
    await put(A, 'start');
    await untilInStep(A, B);
  });
  after(async () => {
    await site.stop();
    remove();
  });

  it('abort goes back to the old pair, also when the new unit serves already', async () => {
    await plan(site, {
      kind: 'both',
      old: { first: site.place('A'), second: site.place('B') },
      new: { first: site.place('C'), second: site.place('D') },
    });
    assert.equal((await site.run()).waits?.id, 'out-b');
    await site.byHand('out-b');
    assert.equal((await site.run()).waits?.id, 'out-a');
    await put(D, 'on-d');
    assert.deepEqual(await site.toTheEnd('abort'), ['back-units']);
    await untilInStep(A, B);
    const { unit } = await A.status();
    assert.deepEqual([unit.role, unit.name], ['active', 'lb-a']);
    assert.ok(await holds(B, 'on-d'));
    assert.equal((await A.api.call('show', { path: 'ha/preferredHost' })).value, 'none');
  });

  it('one unit is dead, and of it there is only an old bundle: the survivor is what counts', async () => {
    const bundle = path.join(folder, 'a-of-before.lockstep');
    copyFileSync(path.join(site.state, 'bundles', 'a.lockstep'), bundle);
    await put(A, 'newer-than-the-bundle');
    await untilInStep(A, B);
    await site.switchOff('A');
    const one = again('dead');
    await plan(one, {
      kind: 'one',
      leaves: 'first',
      old: { first: site.place('A'), second: site.place('B') },
      new: { first: site.place('C') },
      bundles: { first: bundle },
    });
    assert.deepEqual(await one.toTheEnd(), []);
    await untilInStep(B, C);
    const [b, c] = [await B.status(), await C.status()];
    assert.deepEqual([b.unit.role, c.unit.role, c.unit.name], ['active', 'standby', 'lb-a']);
    assert.ok(await holds(C, 'newer-than-the-bundle'));
  });

  it('the dead unit comes back active: it is let in by nobody, and named', async () => {
    await site.switchOn('A');
    const one = sites[0] as Site;
    const { waits, missing } = await one.run();
    assert.equal(waits?.id, 'out-b');
    assert.match(String(missing), /still answers \(active, epoch/);
    assert.ok(await holds(B, 'newer-than-the-bundle'));
    await site.switchOff('A');
    assert.equal((await one.run()).ended, true);
  });

  it('a pair that was to become a single unit stays one', async () => {
    const stay = again('stay');
    await plan(stay, {
      kind: 'shrink',
      leaves: 'first',
      old: { first: site.place('C'), second: site.place('B') },
    });
    assert.equal((await stay.run()).waits?.id, 'out-b');
    await site.switchOff('C');
    await put(B, 'while-it-is-off');
    assert.equal((await stay.run('abort')).waits?.id, 'back-units');
    await site.switchOn('C');
    assert.equal((await stay.run('abort')).ended, true);
    await untilInStep(B, C);
    assert.ok(await holds(C, 'while-it-is-off'));
  });

  it('a pair becomes a single unit', async () => {
    const shrink = again('shrink');
    await plan(shrink, {
      kind: 'shrink',
      leaves: 'first',
      old: { first: site.place('C'), second: site.place('B') },
    });
    assert.equal((await shrink.run()).waits?.id, 'out-b');
    await site.switchOff('C');
    assert.equal((await shrink.run()).ended, true);
    assert.deepEqual([(await B.status()).partner, (await B.status()).unit.role], [null, 'active']);
    const late = await shrink.replace('abort', '--yes');
    assert.equal(late.code, 3);
    assert.match(late.stderr, /There is no way back .*A \(lb-b\) has given B \(lb-a\) up[\s\S]*kind one/);
  });

  it('both units are gone: the new ones are made from bundles alone', async () => {
    await site.stop();
    const next = new Site(path.join(folder, 'disaster'), 99);
    try {
      await next.make(['C', 'D']);
      const bundles = path.join(site.state, 'bundles');
      await plan(next, {
        kind: 'disaster',
        old: {},
        new: { first: next.place('C'), second: next.place('D') },
        bundles: {
          first: path.join(bundles, 'a.lockstep'),
          second: path.join(bundles, 'b.lockstep'),
          certificates: path.join(bundles, 'certificates.certs.lockstep'),
        },
      });
      assert.deepEqual(await next.toTheEnd(), []);
      const [c, d] = [await next.units.C.status(), await next.units.D.status()];
      assert.equal(c.unit.digest, d.unit.digest, 'when the program says that it is done, both hold the same');
      await untilInStep(next.units.C, next.units.D);
      for (const unit of [next.units.C, next.units.D]) assert.ok(await holds(unit, 'start'));
      const { unit } = await next.units.C.status();
      assert.deepEqual([unit.role, unit.name], ['active', 'lb-a']);
    } finally {
      await next.stop();
    }
  });

  it('a single unit becomes a pair', async () => {
    const next = new Site(path.join(folder, 'grow'), 100);
    const { A: single, D: fresh } = next.units;
    try {
      await single.init({ mode: 'single', name: 'alone', address: '127.0.100.1/24' });
      await fresh.init({
        mode: 'second',
        name: 'second',
        address: '127.0.100.4/24',
        shared: '127.0.100.77',
        partner: '127.0.100.1',
        virtualId: 77,
      });
      await next.switchOn('A');
      await next.switchOn('D');
      await put(single, 'start');
      const grow = {
        kind: 'grow',
        old: { first: next.place('A') },
        new: { second: next.place('D') },
        pair: {
          interface: 'eth0',
          address: '127.0.100.1',
          shared: '127.0.100.77',
          partner: '127.0.100.4',
          virtualId: 77,
        },
      };
      const before = [
        await single.api.call('show', { path: 'ha' }),
        await single.api.call('show', { path: 'interfaces' }),
      ];
      const set = (address: string) =>
        fresh.api.call('change', {
          changes: [{ op: 'set', path: 'interfaces/eth0', field: ['address'], value: address }],
        });
      await plan(next, grow);
      await set('127.0.100.5');
      const { waits, missing } = await next.run();
      assert.equal(waits?.id, 'check-d');
      assert.match(
        String(missing),
        /has on eth0 address 127\.0\.100\.5, .* must have address 127\.0\.100\.4/,
      );
      assert.equal((await single.status()).unit.mode, 'first');
      assert.equal((await next.run('abort')).ended, true);
      const after = [
        await single.api.call('show', { path: 'ha' }),
        await single.api.call('show', { path: 'interfaces' }),
      ];
      assert.deepEqual(
        after.map(({ value }) => value),
        before.map(({ value }) => value),
      );
      await set('127.0.100.4');
      Object.assign(next, { state: path.join(next.folder, 'again') });
      await plan(next, grow);
      assert.deepEqual(await next.toTheEnd(), []);
      await untilInStep(single, fresh);
      assert.ok(await holds(fresh, 'start'));
    } finally {
      await next.stop();
    }
  });
});

describe('new units have addresses of their own first', function () {
  this.timeout(120_000);
  const { folder, remove } = temporaryFolder();
  const site = new Site(folder, 104, false);
  const { A, B, C, D } = site.units;
  after(async () => {
    await site.stop();
    remove();
  });

  it('at the end each dials the other where it is now: they start again before it says so, and afterwards', async () => {
    await site.make();
    assert.equal((await D.status()).unit.address, '127.0.104.4');
    const places = { first: site.place('A'), second: site.place('B') };
    site.write({ kind: 'both', old: places, new: { first: site.place('C'), second: site.place('D') } });
    const { code, stderr } = await site.replace('plan', site.plan, '--passphrase-file', site.passphrase);
    assert.equal(code, 0, stderr);
    await site.toTheEnd();
    const report = (await site.replace('report')).stdout;
    assert.match(report, /done +restart-c[\s\S]*done +restart-d[\s\S]*done +audit/);
    await Promise.all([C, D].map(unit => unit.kill()));
    await Promise.all([C, D].map(unit => unit.start('--every-commit', '--no-mirror')));
    await untilInStep(C, D);
    for (const [unit, own, partner] of [
      [C, '127.0.104.1', '127.0.104.2'],
      [D, '127.0.104.2', '127.0.104.1'],
    ] as const) {
      const status = await unit.status();
      assert.deepEqual([status.unit.address, status.partner?.host], [own, partner]);
      assert.deepEqual(
        status.squares.map(({ colour }) => colour),
        ['green', 'green'],
      );
    }
    assert.ok([A, B].every(unit => !site.on.has(unit === A ? 'A' : 'B')));
  });
});
