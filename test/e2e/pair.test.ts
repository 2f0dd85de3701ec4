import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ChangeAnswer } from '../../api/contract/changes.ts';
import type { ShowAnswer } from '../../api/contract/configuration.ts';
import type { TakeoverAnswer } from '../../api/contract/pair.ts';
import type { Receipt } from '../../api/contract/shapes.ts';
import type { Status } from '../../api/contract/status.ts';
import { loadCatalog } from '../../schema/catalog.ts';
import type { Json, JsonObject } from '../../schema/json.ts';
import { splitRecord } from '../../schema/record.ts';
import { stepByStep } from '../steps.ts';
import { lockstep, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const SITE = path.resolve('examples', 'site');
const SHOP = 'virtualServices/tcp:10.20.0.10:443';
const catalog = loadCatalog();

/** What both units hold alike, record by record, secrets included. */
function sharedRecords(unit: TestUnit): Promise<Record<string, JsonObject>> {
  return unit.stored(async store => {
    const shared: Record<string, JsonObject> = {};
    for await (const { path: at, value } of store.list()) {
      const { pair } = splitRecord(catalog.kindOf(at), value);
      if (pair !== undefined) shared[at] = pair;
    }
    return shared;
  });
}

describe('two units on one site', function () {
  this.timeout(60_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.61.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.61.2');
  const serve = (unit: TestUnit): Promise<TestUnit> => unit.start('--interval', '1');
  const shown = async (unit: TestUnit, at = ''): Promise<Json> =>
    (await unit.api.call('show', { path: at })).value;
  const holds = async (unit: TestUnit, at: string): Promise<boolean> =>
    unit.api.call('show', { path: at }).then(
      () => true,
      () => false,
    );
  const addHost = (unit: TestUnit, name: string, address = '10.30.0.80'): Promise<ChangeAnswer> =>
    unit.api.call('change', { changes: [{ op: 'put', path: `hosts/${name}`, value: { address } }] });

  after(async () => {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  });

  describe('are set up', () => {
    let code = '';

    it('with init, serve, and a code that one prints and the other takes', async () => {
      const network = ['--shared', '10.20.0.139', '--virtual-id', '139'];
      const made = await Promise.all([
        ha1.cli(
          'init',
          '--mode',
          'first',
          '--name',
          'lb1',
          '--address',
          '10.20.0.251/24',
          '--partner',
          '10.20.0.252',
          ...network,
        ),
        ha2.cli(
          'init',
          '--mode',
          'second',
          '--name',
          'lb2',
          '--address',
          '10.20.0.252/24',
          '--partner',
          '10.20.0.251',
          ...network,
        ),
      ]);
      assert.deepEqual(
        made.map(({ code }) => code),
        [0, 0],
        made.map(({ stderr }) => stderr).join(),
      );
      await Promise.all([serve(ha1), serve(ha2)]);
      const { answer: invitation } = await ha1.json<{ code: string }>('pair', '--invite');
      code = invitation.code;
      const joined = await ha2.cli('pair', ha1.listen, '--code', code);
      assert.equal(joined.code, 0, joined.stderr);
      assert.match(joined.stdout, /^Paired with lb1 at 127\.0\.61\.1\./);
      await untilInStep(ha1, ha2);
    });

    it('once: the code does not work a second time, nor does another partner get in', async () => {
      const stranger = await new TestUnit(path.join(folder, 'ha3'), '127.0.61.3').init({
        mode: 'second',
        name: 'lb3',
      });
      await stranger.start();
      try {
        const used = await stranger.json('pair', ha1.listen, '--code', code);
        assert.deepEqual([used.code, used.answer.error.code], [3, 'bad-code']);
        const { code: fresh } = await ha1.api.call('invite');
        const third = await stranger.json('pair', ha1.listen, '--code', fresh);
        assert.deepEqual([third.code, third.answer.error.code], [3, 'already-paired']);
      } finally {
        assert.deepEqual(await stranger.stop(), { code: 0, signal: null });
      }
      await untilInStep(ha1, ha2);
    });
  });

  describe('in step', () => {
    it('the whole site reaches the standby by one Force Update', async () => {
      for (const unit of [ha1, ha2])
        await unit.api.call('change', {
          changes: [{ op: 'set', path: 'licence', field: ['esp'], value: true }],
        });
      const applied = await ha1.json<ChangeAnswer>('apply', '-f', path.join(SITE, 'site.json'));
      assert.equal(applied.code, 0, JSON.stringify(applied.answer));
      const imported = await ha1.json<ChangeAnswer>(
        'import',
        'loadmaster',
        path.join(SITE, 'getall.xml'),
        path.join(SITE, 'listvs.xml'),
      );
      assert.equal(imported.code, 0, JSON.stringify(imported.answer));
      const { code, answer: receipt } = await ha1.json<Receipt>('force-update');
      const [one, other] = await Promise.all([ha1.status(), ha2.status()]);
      assert.equal(code, 0);
      assert.deepEqual(
        [receipt.kind, receipt.revision, receipt.digest],
        ['forced', one.unit.revision, one.unit.digest],
      );
      assert.equal(other.unit.digest, one.unit.digest);
      assert.equal(other.unit.records, one.unit.records);
      assert.ok(other.unit.records > 160, `${other.unit.records} records`);
    });

    it('they hold the same, field by field', async () => {
      const [one, other] = await Promise.all([ha1, ha2].map(sharedRecords));
      assert.deepEqual(other, one);
    });

    it('the password of bal and the time settings differ, and stay', async () => {
      const zones = ['Europe/Berlin', 'America/New_York'] as const;
      for (const [index, unit] of [ha1, ha2].entries()) {
        const typed = await lockstep(['--dir', unit.dir, 'set', 'users/bal/passwordHash', '-'], {
          input: `password of ${index}\n`,
        });
        assert.equal(typed.code, 0, typed.stderr);
        await unit.api.call('change', {
          changes: [{ op: 'set', path: 'time', field: ['timeZone'], value: zones[index] as string }],
        });
      }
      const passwords = (): Promise<unknown[]> =>
        Promise.all(
          [ha1, ha2].map(unit => unit.stored(async store => (await store.read('users/bal'))?.passwordHash)),
        );
      const before = await passwords();
      await addHost(ha1, 'after-passwords');
      await ha1.api.call('forceUpdate');
      for (const password of before) assert.match(String(password), /^\$scrypt\$/);
      assert.notEqual(before[0], before[1]);
      assert.deepEqual(await passwords(), before);
      assert.deepEqual([await shown(ha1, 'time/timeZone'), await shown(ha2, 'time/timeZone')], zones);
      assert.equal((await ha1.status()).unit.digest, (await ha2.status()).unit.digest);
    });

    it('a change, a deletion and a rename reach the standby at the interval, by themselves', async () => {
      const { [SHOP]: service, ...records } = await sharedRecords(ha1);
      const moved = (at: string): string => at.replace(SHOP, 'virtualServices/tcp:10.20.0.210:443');
      const rename = [
        { path: SHOP, value: service as JsonObject },
        ...Object.entries(records).map(([at, value]) => ({ path: at, value })),
      ]
        .filter(({ path: at }) => at === SHOP || at.startsWith(`${SHOP}/`))
        .map(({ path: at, value }) => ({
          op: 'put' as const,
          path: moved(at),
          value: at === SHOP ? { ...value, address: '10.20.0.210' } : value,
        }));
      assert.equal((await ha1.cli('set', 'hosts/build1.site.example/address', '10.30.0.190')).code, 0);
      assert.equal((await ha1.cli('unset', 'hosts/build2.site.example')).code, 0);
      await ha1.api.call('change', {
        changes: [{ op: 'remove', path: SHOP }, ...rename],
        reason: 'the shop moves',
      });
      await untilInStep(ha1, ha2);
      assert.equal(await shown(ha2, 'hosts/build1.site.example/address'), '10.30.0.190');
      assert.equal(await holds(ha2, 'hosts/build2.site.example'), false);
      assert.equal(await holds(ha2, SHOP), false);
      assert.deepEqual(await shown(ha2, moved(SHOP)), await shown(ha1, moved(SHOP)));
      assert.equal(((await ha1.status()).sync.lastUpdate as Receipt).kind, 'periodic');
    });

    it('the history of both tells who did what, and the standby what was brought', async () => {
      await addHost(ha1, 'told');
      const { revision } = await ha1.api.call('forceUpdate');
      const [active] = (await ha1.api.call('history', { path: 'hosts/told' })).revisions;
      const [standby] = (await ha2.api.call('history', { path: 'hosts/told' })).revisions;
      assert.deepEqual(
        [active?.kind, active?.author, active?.reason],
        ['change', 'tester', 'put hosts/told'],
      );
      assert.equal(standby?.kind, 'update');
      assert.deepEqual(
        standby?.brought?.map(({ revision: number, author }) => [number, author]),
        [[revision, 'tester']],
      );
      assert.equal(standby?.reason, 'update of 1 records from lb1');
    });

    it('the standby refuses a shared change and names the active unit', async () => {
      const { code, answer } = await ha2.json('set', 'hosts/told/address', '10.30.0.81');
      assert.deepEqual([code, answer.error.code], [3, 'not-active']);
      assert.match(JSON.stringify(answer.error), /lb1|127\.0\.61\.1/);
    });

    it('the standby takes a change of what is its own', async () => {
      const before = (await ha2.status()).unit;
      await ha2.api.call('change', {
        changes: [{ op: 'set', path: 'host', field: ['hostname'], value: 'lb2-renamed' }],
      });
      const after = (await ha2.status()).unit;
      assert.deepEqual(
        [after.revision, after.digest, after.name],
        [before.revision + 1, before.digest, 'lb2-renamed'],
      );
      await until(
        'the active unit knows the new name',
        async () => (await ha1.status()).partner?.name === 'lb2-renamed',
      );
    });

    it('their clocks agree: they are one', async () => {
      await until(
        'an update interval passes',
        async () => Date.parse((await ha1.status()).sync.nextUpdateAt ?? '') - Date.now() < 200,
      );
      for (const unit of [ha1, ha2])
        assert.ok(
          Math.abs((await unit.status()).partner?.clockSkewMs ?? Infinity) < 500,
          JSON.stringify((await unit.status()).partner),
        );
    });

    it('status says so in one screen, in JSON, and with exit code 0', async () => {
      const screen = await ha1.cli('status');
      assert.equal(screen.code, 0);
      assert.match(screen.stdout, /\[A\] HA1 green .*\n\[ \] HA2 green /);
      assert.match(screen.stdout, /In step: lb2-renamed holds the same configuration/);
      const { code, answer } = await ha2.json<Status>('status');
      assert.equal(code, 0);
      assert.deepEqual(Object.keys(answer), [
        'at',
        'unit',
        'squares',
        'partner',
        'sync',
        'takeover',
        'store',
        'files',
        'warnings',
        'branches',
        'provisional',
        'backup',
      ]);
      assert.deepEqual(
        [answer.unit.role, answer.unit.mode, answer.unit.name],
        ['standby', 'second', 'lb2-renamed'],
      );
      assert.deepEqual(
        [answer.partner?.seen, answer.partner?.role, answer.sync.inStep],
        [true, 'active', true],
      );
      assert.deepEqual(
        answer.squares.map(({ unit, colour, active }) => [unit, colour, active]),
        [
          ['HA1', 'green', true],
          ['HA2', 'green', false],
        ],
      );
    });

    it('/metrics and /openapi.json answer on the socket', async () => {
      const [metrics, api] = await Promise.all([
        ha1.http('GET', '/metrics'),
        ha1.http('GET', '/openapi.json'),
      ]);
      assert.equal(metrics.status, 200);
      for (const line of ['lockstep_in_step 1', 'lockstep_partner_seen 1', 'lockstep_active 1'])
        assert.match(metrics.text, new RegExp(`^${line}$`, 'm'));
      assert.ok(Object.keys(JSON.parse(api.text).paths).includes('/v1/status'));
    });
  });

  describe('files under config/', () => {
    const file = (name: string): string => path.join(ha1.dir, 'config', 'hosts', name);

    it('that are saved are committed and reach the standby', async () => {
      writeFileSync(file('from-a-file.json'), '{"address": "10.30.0.99"}\n');
      await until('the standby holds it', () => holds(ha2, 'hosts/from-a-file'));
      assert.equal((await ha1.api.call('history', { path: 'hosts/from-a-file' })).revisions[0]?.kind, 'file');
    });

    it('that are broken are reported by status and left alone', async () => {
      const { revision } = (await ha1.status()).unit;
      writeFileSync(file('from-a-file.json'), '{"address": "10.30.0.99",}\n');
      await until('status reports it', async () => (await ha1.status()).files.length > 0);
      const { files, unit } = await ha1.status();
      assert.deepEqual(
        files.map(found => [found.file, found.path, found.code]),
        [['hosts/from-a-file.json', 'hosts/from-a-file', 'bad-json']],
      );
      assert.equal(unit.revision, revision);
      assert.equal(readFileSync(file('from-a-file.json'), 'utf8'), '{"address": "10.30.0.99",}\n');
    });

    it('that are deleted are records deleted', async () => {
      rmSync(file('from-a-file.json'));
      await until('the standby has let go of it', async () => !(await holds(ha2, 'hosts/from-a-file')));
      assert.deepEqual((await ha1.status()).files, []);
    });

    it('on the standby are reported, not committed', async () => {
      const own = path.join(ha2.dir, 'config', 'hosts', 'told.json');
      const { revision } = (await ha2.status()).unit;
      writeFileSync(own, '{"address": "10.30.0.82"}\n');
      await until('status reports it', async () => (await ha2.status()).files.length > 0);
      const status = await ha2.status();
      assert.deepEqual([status.files[0]?.code, status.unit.revision], ['not-active', revision]);
      await ha2.api.call('restoreFile', { file: 'hosts/told.json' });
      assert.deepEqual((await ha2.status()).files, []);
    });
  });

  describe('that do not fit together', () => {
    it('(another model) refuse Force Update and name both', async () => {
      const own = await shown(ha1, 'licence/model');
      const setModel = (value: Json): Promise<ChangeAnswer> =>
        ha2.api.call('change', { changes: [{ op: 'set', path: 'licence', field: ['model'], value }] });
      await setModel('VLM-3000');
      await until(
        'the active unit has heard of it',
        async () => (await ha1.status()).partner?.model === 'VLM-3000',
      );
      const { code, answer } = await ha1.json('force-update');
      assert.deepEqual([code, answer.error.code], [3, 'mismatch']);
      assert.ok(answer.error.message.includes(`model here ${own}, there VLM-3000`), answer.error.message);
      assert.deepEqual(
        (await Promise.all([ha1.cli('status'), ha2.cli('status')])).map(({ code: exit }) => exit),
        [1, 1],
      );
      await setModel(own);
      await untilInStep(ha1, ha2);
    });

    it('(another release) go on in step as far as both describe their records alike; the rest waits and is named', async () => {
      const kind = {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $id: 'urn:lockstep:kind:widget',
        title: 'Widget',
        description: 'A kind that came with a release.',
        recordPath: 'widgets/{id}',
        recordId: { pattern: '^[a-z]+$', description: 'A word.', examples: ['one'] },
        part: 'base',
        type: 'object',
        properties: { size: { description: 'Its size.', type: 'integer' } },
        unevaluatedProperties: false,
      };
      const rollOut = async (unit: TestUnit): Promise<void> => {
        await unit.stop();
        writeFileSync(path.join(unit.dir, 'schema.d', 'widget.schema.json'), JSON.stringify(kind));
        await serve(unit);
      };
      await rollOut(ha1);
      await ha1.api.call('change', { changes: [{ op: 'put', path: 'widgets/one', value: { size: 1 } }] });
      await addHost(ha1, 'while-it-rolls-out');
      await until('what both know crosses', () => holds(ha2, 'hosts/while-it-rolls-out'));
      await until('both say what waits', async () =>
        (await Promise.all([ha1.status(), ha2.status()])).every(({ sync }) => sync.state === 'held-back'),
      );
      assert.deepEqual((await ha1.status()).sync.heldBack, { records: 1, paths: ['widgets/one'] });
      assert.equal((await ha2.json('takeover')).answer.error.code, 'takeover-incomplete');
      await rollOut(ha2);
      await untilInStep(ha1, ha2);
      assert.ok(await holds(ha2, 'widgets/one'));
      await ha1.api.call('change', { changes: [{ op: 'remove', path: 'widgets/one' }] });
      await untilInStep(ha1, ha2);
    });

    it('(the standby) refuse Force Update on the wrong unit', async () => {
      const { code, answer } = await ha2.json('force-update');
      assert.deepEqual([code, answer.error.code], [3, 'not-active']);
    });
  });

  describe('when one is away', () => {
    it('SIGTERM ends a unit cleanly, exit code 0, in under 2 s', async () => {
      const began = performance.now();
      assert.deepEqual(await ha2.stop(), { code: 0, signal: null });
      assert.ok(performance.now() - began < 2000, `${Math.round(performance.now() - began)} ms`);
    });

    it('Force Update fails with exit code 4, and status with 1 says what is missing', async () => {
      await until(
        'the active unit has noticed',
        async () => (await ha1.status()).sync.state === 'unreachable',
      );
      await addHost(ha1, 'while-away');
      const { code, answer } = await ha1.json('force-update');
      assert.deepEqual([code, answer.error.code], [4, 'partner-unreachable']);
      const status = await ha1.json<Status>('status');
      assert.equal(status.code, 1);
      assert.deepEqual([status.answer.sync.inStep, status.answer.sync.missing?.records], [false, 1]);
      assert.equal(status.answer.sync.missing?.latest[0]?.reason, 'put hosts/while-away');
    });

    it('what it missed reaches it when it is back', async () => {
      await serve(ha2);
      await untilInStep(ha1, ha2);
      assert.equal(await holds(ha2, 'hosts/while-away'), true);
    });
  });

  describe('change places', () => {
    it('by a takeover while both run: the standby gets the last changes first', async () => {
      await addHost(ha1, 'last-minute');
      const { code, answer } = await ha2.json<TakeoverAnswer>('takeover');
      assert.deepEqual([code, answer.role, answer.partnerSteppedDown], [0, 'active', true]);
      assert.equal(await holds(ha2, 'hosts/last-minute'), true);
      await untilInStep(ha1, ha2);
      assert.deepEqual(
        [(await ha1.status()).unit.role, (await ha2.status()).unit.role],
        ['standby', 'active'],
      );
    });

    it('and changes travel the other way', async () => {
      await addHost(ha2, 'from-the-second');
      await untilInStep(ha1, ha2);
      assert.equal(await holds(ha1, 'hosts/from-the-second'), true);
    });

    it('by a takeover without the partner; coming back unchanged, it stands down by itself', async () => {
      await ha2.kill();
      await until('the standby has noticed', async () => (await ha1.status()).sync.state === 'unreachable');
      const { answer } = await ha1.json<TakeoverAnswer>('takeover');
      assert.deepEqual([answer.role, answer.partnerSteppedDown], ['active', false]);
      await addHost(ha1, 'taken-over');
      await serve(ha2);
      await untilInStep(ha1, ha2);
      assert.equal((await ha2.status()).unit.role, 'standby');
      assert.equal(await holds(ha2, 'hosts/taken-over'), true);
    });

    it('with changes of its own the old active unit stays: both say so, neither updates the other', async () => {
      await ha2.kill();
      await addHost(ha1, 'never-sent');
      await ha1.kill();
      await serve(ha2);
      await ha2.api.call('takeover', {});
      await addHost(ha2, 'on-the-other');
      await serve(ha1);
      await until('both say it', async () =>
        (await Promise.all([ha1, ha2].map(async unit => (await unit.status()).sync.state))).every(
          state => state === 'both-active',
        ),
      );
      const refused = await ha1.json('force-update');
      assert.deepEqual([refused.code, refused.answer.error.code], [3, 'both-active']);
      assert.equal((await ha1.cli('status')).code, 1);
      assert.deepEqual(
        [await holds(ha1, 'hosts/on-the-other'), await holds(ha2, 'hosts/never-sent')],
        [false, false],
      );
    });

    it('until the operator decides who stays', async () => {
      const refused = await ha2.json('takeover');
      assert.deepEqual([refused.code, refused.answer.error.code], [3, 'takeover-incomplete']);
      assert.equal((await ha2.cli('takeover', '--force')).code, 0);
      await untilInStep(ha1, ha2);
      assert.deepEqual(
        [(await ha1.status()).unit.role, await holds(ha1, 'hosts/on-the-other')],
        ['standby', true],
      );
      assert.equal(
        (await ha1.api.call('history', { path: 'hosts/never-sent' })).revisions.at(-1)?.reason,
        'put hosts/never-sent',
      );
    });
  });

  describe('afterwards', () => {
    it('what show prints can be applied: it changes nothing', async () => {
      const { answer } = await ha2.json<ShowAnswer>('show');
      const again = await lockstep(['--dir', ha2.dir, 'apply', '-f', '-', '--json'], {
        input: JSON.stringify(answer.value),
      });
      assert.equal(again.code, 0, again.stdout);
      assert.deepEqual((JSON.parse(again.stdout) as ChangeAnswer).counts, {
        added: 0,
        changed: 0,
        removed: 0,
      });
    });
  });
});
