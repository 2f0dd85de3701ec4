import assert from 'node:assert/strict';
import { builtInSchemas, Catalog } from '../../schema/catalog.ts';
import type { JsonObject } from '../../schema/json.ts';
import { RULES } from '../../schema/rules/index.ts';
import { TIGHTENED_FORMATS, TIGHTENED_HINTS } from '../../schema/tightened-formats.ts';
import { openMemory } from '../../store/memory.ts';
import { Store } from '../../store/store.ts';
import { StandingProblems } from '../../unit/pair/problems.ts';
import { keptLog } from '../unit/log/kept-log.ts';
import { catalog, kindNamed } from './records-of.ts';

const SERVICE = { protocol: 'tcp', address: '10.20.0.100', port: 443 };
const SERVICE_AT = 'virtualServices/tcp:10.20.0.100:443';

/** What no proxy can be told, and an earlier release took. */
const HOLES: [kind: string, path: string, value: JsonObject, field: string][] = [
  ['virtualService', SERVICE_AT, { ...SERVICE, cookie: 'JSESSION ID' }, 'cookie'],
  ['virtualService', SERVICE_AT, { ...SERVICE, queryTag: 'a=b;c' }, 'queryTag'],
  ['virtualService', SERVICE_AT, { ...SERVICE, extraHeaderKey: 'X-Site: a' }, 'extraHeaderKey'],
  ['virtualService', SERVICE_AT, { ...SERVICE, copyHeaderFrom: 'Höst' }, 'copyHeaderFrom'],
  ['virtualService', SERVICE_AT, { ...SERVICE, copyHeaderTo: 'X\r\nY' }, 'copyHeaderTo'],
  ['virtualService', SERVICE_AT, { ...SERVICE, checkHeaders: 'no colon' }, 'checkHeaders'],
  ['virtualService', SERVICE_AT, { ...SERVICE, checkHeaders: 'A:b\r\nC:d' }, 'checkHeaders'],
  ['virtualService', SERVICE_AT, { ...SERVICE, errorCode: 1 }, 'errorCode'],
  ['virtualService', SERVICE_AT, { ...SERVICE, errorCode: 99 }, 'errorCode'],
  ['virtualService', SERVICE_AT, { ...SERVICE, checkCodes: 'ok' }, 'checkCodes'],
  ['virtualService', SERVICE_AT, { ...SERVICE, checkCodes: '204 999' }, 'checkCodes'],
  ['virtualService', SERVICE_AT, { ...SERVICE, errorPage: 'x'.repeat(16 * 1024 + 1) }, 'errorPage'],
  ['virtualService', SERVICE_AT, { ...SERVICE, errorPage: 'ä'.repeat(8 * 1024 + 1) }, 'errorPage'],
  ['virtualService', SERVICE_AT, { ...SERVICE, nickname: 'shop\nbackend' }, 'nickname'],
  ['virtualService', SERVICE_AT, { ...SERVICE, checkUrl: '/a\tb' }, 'checkUrl'],
  ['virtualService', SERVICE_AT, { ...SERVICE, allowedHosts: ['a\u0000b'] }, 'allowedHosts/0'],
  ['virtualService', SERVICE_AT, { ...SERVICE, extraPorts: ['99999'] }, 'extraPorts/0'],
  ['virtualService', SERVICE_AT, { ...SERVICE, extraPorts: ['9010-9000'] }, 'extraPorts/0'],
  ['virtualService', SERVICE_AT, { ...SERVICE, altAddress: '::ffff:a14:64' }, 'altAddress'],
  ['rule', 'rules/add', { type: 'add-header', header: 'X-A: b' }, 'header'],
  ['rule', 'rules/add', { type: 'add-header', replacement: 'a\r\nSet-Cookie: b' }, 'replacement'],
  ['interface', 'interfaces/eth0', { address: '::ffff:a00:1' }, 'address'],
  ['interface', 'interfaces/eth0', { description: 'front\u007f' }, 'description'],
];

const TAKEN: [kind: string, value: JsonObject][] = [
  ['virtualService', { ...SERVICE, cookie: 'JSESSIONID', queryTag: 'session', extraHeaderKey: 'X-Site' }],
  ['virtualService', { ...SERVICE, checkHeaders: 'X-Check:a b', checkCodes: '204 302', errorCode: 503 }],
  ['virtualService', { ...SERVICE, errorCode: 0, errorPage: `<p>\n${'x'.repeat(16_000)}\n</p>` }],
  ['virtualService', { ...SERVICE, checkPostData: 'a=b\nc=d', nickname: 'Café 東京' }],
  ['virtualService', { ...SERVICE, extraPorts: ['8443', '9000-9010'] }],
  ['virtualService', { ...SERVICE, qos: 16, persistTimeout: 2_419_200, checkMethod: 'options' }],
];

describe('what was tightened', () => {
  for (const [name, path, value, field] of HOLES)
    it(`is refused when somebody writes it, and taken where it is held: ${name} ${field} ${JSON.stringify(value[field.split('/')[0] as string]).slice(0, 40)}`, () => {
      const kind = kindNamed(name);
      const problems = catalog.problems(kind, path, value);
      assert.deepEqual(
        problems.map(problem => [problem.code, problem.path]),
        [['invalid-value', `${path}/${field}`]],
        JSON.stringify(problems),
      );
      assert.deepEqual(catalog.problems(kind, path, value, 'held'), []);
    });

  for (const [name, value] of TAKEN)
    it(`leaves the rest as it was: ${name} ${JSON.stringify(value).slice(54, 120)}`, () =>
      assert.deepEqual(catalog.problems(kindNamed(name), name, value), []));

  it('has words for people', () => {
    assert.deepEqual(Object.keys(TIGHTENED_HINTS).sort(), Object.keys(TIGHTENED_FORMATS).sort());
  });

  it('does not keep units of two releases apart: the digest of a kind is that of what both take', () => {
    const strip = (node: unknown): unknown =>
      Array.isArray(node)
        ? node.map(strip)
        : typeof node === 'object' && node !== null
          ? Object.fromEntries(
              Object.entries(node)
                .filter(([name]) => name !== 'tightened')
                .map(([name, value]) => [name, strip(value)]),
            )
          : node;
    const before = new Catalog(
      builtInSchemas().map(({ file, schema }) => ({ file, schema: strip(schema) as JsonObject })),
    );
    assert.deepEqual(before.kindDigests, catalog.kindDigests);
    assert.equal(before.digest, catalog.digest);
  });
});

/** A store as an earlier release left it: what it took came as an update, which is how it may come still. */
async function held(records: Record<string, JsonObject>): Promise<Store> {
  const store = await Store.open({ port: openMemory(), catalog, rules: RULES, now: () => new Date(0) });
  const source = await Store.open({ port: openMemory(), catalog, rules: [], now: () => new Date(0) });
  await source.setRole('active', 1);
  const changes = Object.entries(records).map(([path, value]) => ({ op: 'put' as const, path, value }));
  await source.commit({ changes, kind: 'restore', author: 'ada', reason: 'as it was' });
  const { digest: target } = source.head;
  await store.applyUpdate({
    from: 'lb-a',
    to: 'lb-b',
    epoch: 1,
    base: store.head.digest,
    target,
    common: '',
    changes: await source.pairChanges(0, source.head.revision),
  } as unknown as Parameters<Store['applyUpdate']>[0]);
  assert.equal(store.head.digest, target);
  await store.setRole('active', 2);
  await source.close();
  return store;
}

describe('what an earlier release took, in a running unit', () => {
  const timers = {
    now: () => 0,
    after: (_ms: number, act: () => void) => {
      setImmediate(act);
      return () => undefined;
    },
  };
  const standingOf = (store: Store): StandingProblems =>
    new StandingProblems({ store, catalog, rules: RULES, timers: timers as never, log: keptLog().log });
  const OTHER = 'virtualServices/tcp:10.20.0.101:80';
  const of = (standing: StandingProblems): string[] =>
    standing.warnings().map(({ code, path }) => `${code} ${path}`);

  it('is named by status until it is mended, and a start looks only at what was changed since', async () => {
    const store = await held({ [SERVICE_AT]: { ...SERVICE, errorCode: 42 }, [OTHER]: {} });
    const first = standingOf(store);
    first.start();
    await first.settled();
    const told = [`stored-value ${SERVICE_AT}/errorCode`];
    assert.deepEqual(of(first), told);
    await first.stop();

    let asked = 0;
    const counted = Object.create(store, {
      standingProblems: {
        value: (path: string) => {
          asked++;
          return store.standingProblems(path);
        },
      },
    }) as Store;
    const second = standingOf(counted);
    second.start();
    await second.settled();
    assert.deepEqual([of(second), asked], [told, 1]);

    const commit = async (path: string, value: JsonObject): Promise<void> => {
      await store.commit({
        changes: [{ op: 'put', path, value }],
        kind: 'change',
        author: 'ada',
        reason: 'test',
      });
      await new Promise(setImmediate);
      await second.settled();
    };
    await commit(SERVICE_AT, { ...SERVICE, errorCode: 503 });
    assert.deepEqual(of(second), []);
    await commit('virtualServices/tcp:127.0.0.1:80', {});
    assert.deepEqual(of(second), [
      'virtual-service-unreachable-address virtualServices/tcp:127.0.0.1:80/address',
    ]);
    await second.stop();
    await store.close();
  });
});

describe('a record that an earlier release took', () => {
  const BROKEN = { ...SERVICE, errorCode: 42, cookie: 'JSESSION ID' };
  const OTHER = 'virtualServices/tcp:10.20.0.101:80';
  const put = (store: Store, path: string, value: JsonObject) =>
    store.commit({ changes: [{ op: 'put', path, value }], kind: 'change', author: 'ada', reason: 'test' });

  it('comes with an update, and is in nobody’s way', async () => {
    const store = await held({ [SERVICE_AT]: BROKEN });
    await put(store, OTHER, {});
    await put(store, `${SERVICE_AT}/realServers/10.30.0.1:80`, {});
    assert.equal((await store.read(SERVICE_AT))?.errorCode, 42);
    await store.close();
  });

  it('is refused when it is touched, by name and with what is allowed', async () => {
    const store = await held({ [SERVICE_AT]: BROKEN });
    await assert.rejects(put(store, SERVICE_AT, { ...BROKEN, nickname: 'shop' }), (error: never) => {
      const { facts } = error as { facts: { problems: { path: string }[] } };
      assert.deepEqual(facts.problems.map(({ path }) => path).sort(), [
        `${SERVICE_AT}/cookie`,
        `${SERVICE_AT}/errorCode`,
      ]);
      return true;
    });
    await put(store, SERVICE_AT, { ...SERVICE, nickname: 'shop' });
    await store.close();
  });

  it('is named for status and doctor', async () => {
    const store = await held({ [SERVICE_AT]: BROKEN, [OTHER]: {} });
    const named = await store.standingProblems(SERVICE_AT);
    assert.deepEqual(named.map(({ path }) => path).sort(), [
      `${SERVICE_AT}/cookie`,
      `${SERVICE_AT}/errorCode`,
    ]);
    assert.deepEqual(await store.standingProblems(OTHER), []);
    await store.close();
  });

  it('can be brought back by a rollback and taken out by one', async () => {
    const store = await held({ [SERVICE_AT]: BROKEN });
    const { revision } = store.head;
    await store.commit({
      changes: [{ op: 'remove', path: SERVICE_AT }],
      kind: 'change',
      author: 'ada',
      reason: 'gone',
    });
    await store.rollback(revision, { author: 'ada', reason: 'back' });
    assert.equal((await store.read(SERVICE_AT))?.errorCode, 42);
    await store.close();
  });

  it('and two of them on one address and port come with an update, and are refused when one is touched', async () => {
    const store = await held({
      [SERVICE_AT]: { ...SERVICE, extraPorts: ['8443'] },
      'virtualServices/tcp:10.20.0.100:8443': { ...SERVICE, port: 8443 },
    });
    await put(store, OTHER, {});
    await assert.rejects(put(store, SERVICE_AT, { ...SERVICE, extraPorts: ['8443'], nickname: 'shop' }), {
      code: 'rule-broken',
    });
    assert.deepEqual(
      (await store.standingProblems(SERVICE_AT)).map(({ code, path }) => [code, path]),
      [['virtual-service-overlap', `${SERVICE_AT}/extraPorts`]],
    );
    await store.close();
  });
});
