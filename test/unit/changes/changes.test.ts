import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LeftOut } from '../../../loadmaster/import.ts';
import type { Problem } from '../../../schema/error.ts';
import type { JsonObject } from '../../../schema/json.ts';
import { MASK } from '../../../schema/record.ts';
import type { Conflict } from '../../../store/merge.ts';
import type { Change } from '../../../store/transition.ts';
import { hashedRecords, takeIn } from '../../../unit/access/given-secrets.ts';
import { documentChanges } from '../../../unit/changes/document-changes.ts';
import { fittingChanges } from '../../../unit/changes/import-fitting.ts';
import { chooser, conflictViews, mergeConflict } from '../../../unit/changes/merging.ts';
import { unservedAfter } from '../../../unit/changes/unserved.ts';
import { unitWith } from '../../backup/restorer.ts';
import { issue } from '../../certs/ca.ts';
import { catalog } from '../../schema/records-of.ts';

type Put = Extract<Change, { op: 'put' }>;
const put = (path: string, value: JsonObject): Put => ({ op: 'put', path, value });
const SERVICE = 'virtualServices/tcp:10.1.0.1:443';

describe('the choices of a merge', () => {
  it('count for the nearest place: a field, its record, a collection, or everything', () => {
    const choose = chooser({ ours: ['', 'hosts/a/address'], theirs: ['hosts/', '/rules/x'] });
    assert.equal(choose('hosts/a/address'), 'ours');
    assert.equal(choose('hosts/a/comment'), 'theirs');
    assert.equal(choose('hosts'), 'theirs');
    assert.equal(choose('rules/x/pattern'), 'theirs');
    assert.equal(choose('rules/xy'), 'ours');
    assert.equal(chooser({ ours: ['hosts/a'], theirs: [] })('hosts/ab'), undefined);
  });

  it('for both sides of one place are refused', () => {
    const both = (path: string) => () => chooser({ ours: [path], theirs: [`/${path}/`] });
    assert.throws(both('hosts/a'), { code: 'bad-usage', message: /hosts\/a/ });
    assert.throws(both(''), { code: 'bad-usage', message: /everything/ });
  });

  it('are asked for by name, and secrets are shown to nobody', () => {
    const conflict = (path: string, rest: object): Conflict => ({ path, ...rest }) as Conflict;
    const secret = conflict('backupSchedule', { field: 'passphrase', ours: 'one', theirs: 'two' });
    const record = conflict('backupSchedule', { base: { passphrase: 'old', hour: 1 }, ours: undefined });
    const [field, whole] = conflictViews(catalog, [secret, record]);
    assert.deepEqual([field?.ours, field?.theirs], [MASK, MASK]);
    assert.deepEqual(whole?.base, { passphrase: MASK, hour: 1 });
    const one = mergeConflict('b1', conflictViews(catalog, [secret]), 1);
    assert.match(one.message, /backupSchedule\/passphrase, and not alike/);
    assert.match(one.hint ?? '', /--theirs backupSchedule\/passphrase/);
    assert.match(mergeConflict('b1', [], 2).message, /changed 2 things/);
  });

  it('are shown a thousand conflicts at most', () => {
    const many = Array.from({ length: 1_001 }, () => ({ path: 'hosts/a', field: 'address' }) as Conflict);
    assert.equal(conflictViews(catalog, many).length, 1_000);
  });
});

describe('an import into a configuration that does not take all of it', () => {
  const RECORDS = { 'rules/known': { type: 'modify-url', pattern: '^a' } } as Record<string, JsonObject>;

  /** What stays of `puts` where the configuration says these problems, each until its place is gone. */
  async function fitting(puts: Put[], refusals: Problem[]) {
    const leftOut: LeftOut[] = [];
    const says = (puts: Put[], { path }: Problem): boolean =>
      puts.some(({ path: at, value }) =>
        at === path ? true : path.startsWith(`${at}/`) && value[path.slice(at.length + 1)] !== undefined,
      );
    const reader = { get: async (path: string) => RECORDS[path] };
    const kept = await fittingChanges(
      catalog,
      reader as never,
      puts,
      async now => refusals.filter(each => says(now as Put[], each)),
      leftOut,
    );
    return {
      kept,
      leftOut: leftOut.map(({ source, parameter, value }) => `${source} ${parameter} ${value}`),
    };
  }
  const refusal = (path: string, code = 'some-rule'): Problem => ({ path, code, message: 'no' });

  it('leaves out a field where that is enough, and masks what is secret', async () => {
    const { kept, leftOut } = await fitting(
      [put('backupSchedule', { hour: 3, passphrase: 'secret' })],
      [refusal('backupSchedule/hour'), refusal('backupSchedule/passphrase')],
    );
    assert.deepEqual(kept, [put('backupSchedule', {})]);
    assert.deepEqual(leftOut, ['backupSchedule hour 3', `backupSchedule passphrase ${MASK}`]);
  });

  it('leaves out the record, with all below it, where the field is needed', async () => {
    const rule = put('rules/x', { type: 'modify-url', pattern: '^w' });
    const { kept, leftOut } = await fitting(
      [put(SERVICE, {}), put(`${SERVICE}/realServers/10.2.0.1:80`, {}), rule],
      [refusal(SERVICE)],
    );
    assert.deepEqual(kept, [rule]);
    assert.equal(leftOut.length, 2);
  });

  it('leaves out of a list only what is neither here nor in the import', async () => {
    const server = `${SERVICE}/realServers/10.2.0.1:80`;
    const puts = [
      put(server, { matchRules: ['known', 'gone', 'new'] }),
      put('rules/new', { type: 'modify-url' }),
    ];
    let isSaid = false;
    const leftOut: LeftOut[] = [];
    const kept = await fittingChanges(
      catalog,
      { get: async (path: string) => RECORDS[path] } as never,
      puts,
      async () => {
        if (isSaid) return [];
        isSaid = true;
        return [refusal(`${server}/matchRules`, 'dangling-reference')];
      },
      leftOut,
    );
    assert.deepEqual(kept[0]?.value, { matchRules: ['known', 'new'] });
    assert.deepEqual(
      leftOut.map(({ value }) => value),
      ['gone'],
    );
  });

  it('ends, also when the same is said again and again', async () => {
    let looks = 0;
    const kept = await fittingChanges(
      catalog,
      { get: async () => undefined } as never,
      [put('hosts/a', { address: '10.0.0.1' })],
      async () => {
        looks++;
        return [refusal('hosts/other')];
      },
      [],
    );
    assert.deepEqual([kept.length, looks], [1, 1]);
  });
});

describe('a document that is applied', () => {
  const held: Record<string, JsonObject> = {
    'hosts/a': { address: '10.0.0.1', comment: 'old' },
    'hosts/b': { address: '10.0.0.2' },
    [SERVICE]: {},
    [`${SERVICE}/realServers/10.2.0.1:80`]: {},
  };
  const reader = {
    get: async (path: string) => held[path],
    async *list(prefix: string) {
      for (const [path, value] of Object.entries(held))
        if (path === prefix || path.startsWith(`${prefix}/`)) yield { path, value };
    },
  } as never;
  const records = [{ path: 'hosts/a', value: { address: '10.0.0.9' } }];
  const document = { hosts: {}, virtualServices: {} };

  it('changes the fields that it names, and nothing else', async () => {
    assert.deepEqual(await documentChanges(catalog, reader, { document }, records), [
      put('hosts/a', { address: '10.0.0.9', comment: 'old' }),
    ]);
  });

  it('replaces what it names: the rest below its names goes, each with what is below it', async () => {
    assert.deepEqual(await documentChanges(catalog, reader, { document, replace: true }, records), [
      { op: 'remove', path: 'hosts/b' },
      { op: 'remove', path: SERVICE },
      put('hosts/a', { address: '10.0.0.9' }),
    ]);
  });
});

describe('a secret that comes in', () => {
  const given = { catalog, read: async () => undefined };
  const SECRET: Change = { op: 'set', path: 'backupSchedule', field: ['passphrase'], value: 'four words' };

  it('is refused from the command line, where others can read it', async () => {
    await assert.rejects(takeIn(given, SECRET, 'argument'), {
      code: 'secret-in-arguments',
      hint: /lockstep set backupSchedule\/passphrase asks for it/,
    });
    assert.deepEqual(await takeIn(given, SECRET, 'input'), SECRET);
    const plain: Change = { op: 'set', path: 'backupSchedule', field: ['hour'], value: 3 };
    assert.deepEqual(await takeIn(given, plain, 'argument'), plain);
  });

  it('becomes a hash where it is a password, by itself and in a document', async () => {
    const value = { passwordHash: 'Correct-Horse-9' };
    const taken = await takeIn(given, put('users/ada', value), 'input');
    assert.doesNotMatch(JSON.stringify(taken), /Horse/);
    const [record] = await hashedRecords(given, [{ path: 'users/ada', value }]);
    assert.doesNotMatch(JSON.stringify(record), /Horse/);
    assert.match(String(record?.value.passwordHash), /^\$scrypt\$/);
  });
});

describe('Virtual Services without the key of their certificate', () => {
  const { pem, keyPem } = issue({ names: ['shop.example'] });
  const certificate = (withKey: boolean): JsonObject => ({
    certificate: pem,
    ...(withKey ? { key: keyPem } : {}),
  });
  const change = (path: string, value: JsonObject) => ({
    path,
    before: { pair: undefined, unit: undefined },
    after: { pair: value, unit: undefined },
  });

  async function unserved(here: boolean, ...changes: ReturnType<typeof change>[]) {
    const store = await unitWith({
      'certificates/shop': certificate(here),
      [SERVICE]: { certificates: ['shop'] },
      'virtualServices/tcp:10.1.0.2:80': {},
    });
    const { services, count } = await unservedAfter(store, catalog, changes);
    await store.close();
    return [
      count,
      services.map(each => `${each.path} ${each.certificate} ${each.fingerprint !== undefined}`),
    ];
  }

  it('are named, as they are and as a change makes them', async () => {
    const found = [1, [`${SERVICE} certificates/shop true`]];
    assert.deepEqual(await unserved(false), found);
    assert.deepEqual(await unserved(true), [0, []]);
    assert.deepEqual(await unserved(true, change('certificates/shop', certificate(false))), found);
    assert.deepEqual(await unserved(false, change('certificates/shop', certificate(true))), [0, []]);
    assert.deepEqual(await unserved(false, change(SERVICE, {})), [0, []]);
  });
});

describe('what becomes of places', () => {
  it('a choice for a record decides each of its fields, whatever they are called', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z]{1,8}$/), (record, field) => {
        const choose = chooser({ ours: [`hosts/${record}`], theirs: [''] });
        assert.equal(choose(`hosts/${record}/${field}`), 'ours');
        assert.equal(choose(`hosts/${record}${field}`), 'theirs');
      }),
    );
  });
});
