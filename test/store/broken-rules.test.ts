import assert from 'node:assert/strict';
import { loadCatalog } from '../../schema/catalog.ts';
import type { Rule } from '../../schema/rule.ts';
import { RULES } from '../../schema/rules/index.ts';
import { openMemory } from '../../store/memory.ts';
import { Store } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';

/** A store may hold what no commit of this release would take: from an older release, or a restored disk. */
describe('the rules that a configuration breaks', () => {
  const catalog = loadCatalog();
  const now = (): Date => new Date();
  const put = (path: string, value: object): Change => ({ op: 'put', path, value: value as never });

  async function holding(changes: Change[], rules: readonly Rule[]): Promise<Store> {
    const port = openMemory();
    const before = await Store.open({ port, catalog, rules: [], now });
    await before.setRole('active', 1);
    await before.commit({ changes, kind: 'change', author: 'ada', reason: 'before the rule' });
    return Store.open({ port, catalog, rules, now });
  }

  it('name a backup schedule by FTP', async () => {
    const schedule = { enabled: true, method: 'ftp', host: 'ftp.site.example' };
    const store = await holding([put('backupSchedule', schedule)], RULES);
    const broken = await store.brokenRules();
    assert.deepEqual(
      broken.map(({ code }) => code),
      ['backup-schedule-ftp'],
    );
  });

  it('name a Virtual Service whose second address belongs to one unit', async () => {
    const store = await holding(
      [
        put('interfaces/eth0', { address: '10.0.0.11', prefix: 24 }),
        put('virtualServices/tcp:10.0.0.100:443', { altAddress: '10.0.0.11' }),
      ],
      RULES.filter(({ code }) => code === 'virtual-service-on-unit-address'),
    );
    const broken = await store.brokenRules();
    assert.deepEqual(
      broken.map(({ path }) => path),
      ['virtualServices/tcp:10.0.0.100:443'],
    );
  });

  it('each rule sees every record that it speaks of, once, whatever its severity', async () => {
    const hosts = Array.from({ length: 450 }, (_, index) => `hosts/h${index}`);
    for (const severity of ['error', 'tightened', 'warning', 'notice'] as const) {
      const seen: string[] = [];
      const rule: Rule = {
        ...{ code: 'probe', severity, holds: '', why: '', hint: '', looksAt: ['hostEntry', 'health'] },
        check: async (_view, touched) => {
          seen.push(...touched);
          return [{ code: 'probe', path: 'hosts', message: 'one' }];
        },
      };
      const records = [
        ...hosts.map(path => put(path, { address: '10.0.0.1' })),
        put('health', { interval: 9 }),
      ];
      const store = await holding(records, [rule]);
      assert.equal((await store.brokenRules()).length, 1);
      assert.deepEqual(seen.sort(), ['health', ...hosts].sort());
      assert.deepEqual(store.ruleCodes, ['probe']);
    }
  });
});
