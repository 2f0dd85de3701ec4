import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditReport } from '../../api/contract/audits.ts';
import { type Choice, choose, readChoice, readInventory } from '../../cli/audit/inventory.ts';
import { formatPage } from '../../cli/audit/page.ts';
import { isPartner, readTarget } from '../../cli/audit/target.ts';
import { formatReport } from '../../cli/audit/text.ts';
import { each, twice } from '../../cli/commands/audit/fleet.ts';
import { plain } from '../../cli/paint.ts';
import { CANNED_END, CANNED_REPORT } from './canned-report.ts';

const EVIL = '<script>alert("1")</script>&\u001b[2J';
const REPORT: AuditReport = {
  ...CANNED_REPORT,
  b: { ...CANNED_END, name: 'lb2', role: 'standby', revision: 5 },
  verdict: 'drift',
  counts: { 'local-edit': 1, missed: 1, 'by-design': 1 },
  findings: [
    {
      path: 'hosts/a',
      class: 'local-edit',
      on: 'b',
      revision: 5,
      by: EVIL,
      at: '2026-01-01T00:00:00.000Z',
      fields: [
        { field: 'address', a: '10.0.0.1', b: EVIL },
        { field: 'password', hidden: true },
      ],
    },
    { path: 'hosts/b', class: 'missed', on: 'b', only: 'a', fields: [{ field: 'address', a: '10.0.0.2' }] },
    { path: 'time', class: 'by-design', fields: [{ field: 'ntpHosts', hidden: true }] },
  ],
  more: 3,
  exchanges: 4,
};

describe('an audit for people', () => {
  it('names class, unit, who, field and both values', () => {
    const text = formatReport(REPORT, plain);
    assert.match(text, /^lb1 \(active, revision 7\) and lb2 \(standby, revision 5\): 6 differences/);
    assert.match(text, /local edit {4}hosts\/a\n {2}on lb2; revision 5 by /);
    assert.match(text, /address: "10\.0\.0\.1" \| "/);
    assert.match(text, /password: differs/);
    assert.match(text, /missed update hosts\/b {2}only on lb1/);
    assert.match(text, /address: "10\.0\.0\.2" \| not there/);
    assert.match(text, /and 3 more/);
    assert.ok(!text.includes('\u001b'));
  });

  it('as a page needs nothing else, and takes no value for markup', () => {
    const page = formatPage(REPORT);
    assert.doesNotMatch(page, /<script|src=|href=|url\(|@import/);
    assert.ok(!page.includes('\u001b'));
    assert.match(page, /&lt;script&gt;alert\(/);
    assert.match(page, /default-src 'none'/);
    const inner = page.slice(page.indexOf('<body>'));
    const tags = new Set([...inner.matchAll(/<\/?([a-z0-9]+)/g)].map(([, tag]) => tag));
    const known = [
      'body',
      'br',
      'code',
      'h1',
      'html',
      'p',
      'small',
      'table',
      'tbody',
      'td',
      'th',
      'thead',
      'tr',
    ];
    assert.deepEqual([...tags].sort(), known);
  });
});

describe('what an audit is told to compare', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-audit-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is this unit, its partner, a revision, a bundle, or another unit', () => {
    const file = join(folder, 'site');
    writeFileSync(file, '');
    assert.deepEqual(readTarget('partner'), { is: 'partner' });
    assert.deepEqual(readTarget('41'), { is: 'revision', revision: 41 });
    assert.deepEqual(readTarget(file), { is: 'bundle', file });
    assert.deepEqual(readTarget('not-there.lockstep'), { is: 'bundle', file: 'not-there.lockstep' });
    assert.deepEqual(readTarget(folder), { is: 'unit', place: { dir: folder } });
    assert.deepEqual(readTarget('10.0.0.12:6974'), { is: 'unit', place: { unit: '10.0.0.12:6974' } });
    assert.throws(() => readTarget('10.0.0.12:port'), { code: 'bad-usage' });
    const partner = { host: '10.0.0.12', port: 6973 };
    assert.deepEqual(
      ['10.0.0.12', '10.0.0.12:6973', '10.0.0.12:6974', '10.0.0.13'].map(unit => isPartner(unit, partner)),
      [true, true, false, false],
    );
    assert.equal(isPartner('10.0.0.12', null), false);
  });

  it('is no unit that is called nearly as a word of the command', () => {
    for (const [typed, meant] of [
      ['histroy', 'history'],
      ['prof', 'proof'],
      ['Partner', 'partner'],
      ['flet', 'fleet'],
    ] as const)
      assert.throws(() => readTarget(typed), {
        code: 'bad-usage',
        hint: `Did you mean lockstep audit ${meant}? A unit that is called so: ${typed}:6973.`,
      });
    assert.deepEqual(readTarget('histroy:6973'), { is: 'unit', place: { unit: 'histroy:6973' } });
    assert.deepEqual(readTarget('lb1'), { is: 'unit', place: { unit: 'lb1' } });
  });

  it('for a fleet is a list of pairs, each with one way to one of its units', async () => {
    const inventory = async (text: string) => {
      const file = join(folder, 'fleet.yaml');
      writeFileSync(file, text);
      return readInventory(file);
    };
    assert.deepEqual(await inventory('pairs:\n- {name: one, dir: /a}\n- unit: lb1.example:6974\n'), [
      { name: 'one', place: { dir: '/a' } },
      { name: 'lb1.example:6974', place: { unit: 'lb1.example:6974' } },
    ]);
    assert.equal((await inventory('- {dir: /a}')).length, 1);
    assert.deepEqual(await inventory('- {dir: /a, name: one, site: at, group: lab, tags: [prod, edge]}'), [
      { name: 'one', place: { dir: '/a' }, site: 'at', group: 'lab', tags: ['prod', 'edge'] },
    ]);
    for (const bad of [
      '- {dir: /a, site: 1}',
      '- {dir: /a, tags: prod}',
      '- {dir: /a, tags: [1]}',
      '',
      'pairs: []',
      '- {name: one}',
      '- {dir: /a, unit: b}',
      '- {dir: /a, other: 1}',
      '- {name: 1, dir: /a}',
      '- {name: one, dir: /a}\n- {name: one, dir: /b}',
      '- unit: lb1.example:99999',
      '- &a [*a]',
      'pairs: {',
      '- text',
    ])
      await assert.rejects(inventory(bad), { code: 'bad-usage' }, bad);
  });

  it('of a fleet takes the pairs of a site, a group, a tag, and the first few of them', () => {
    const place = { dir: '/' };
    const pairs = [
      { name: 'a', place, site: 'vienna', tags: ['prod', 'edge'] },
      { name: 'b', place, site: 'graz', tags: ['prod'] },
      { name: 'c', place, site: 'linz', group: 'lab' },
    ];
    const chosen = (only: string[], limit?: number): string[] => {
      const choices = only.reduce<Choice[]>((before, text) => readChoice(text, before), []);
      return choose(pairs, choices, limit).map(({ name }) => name);
    };
    assert.deepEqual(chosen([]), ['a', 'b', 'c']);
    assert.deepEqual(chosen(['tag=prod']), ['a', 'b']);
    assert.deepEqual(chosen(['site=vienna', 'site=linz']), ['a', 'c']);
    assert.deepEqual(chosen(['tag=prod', 'site=graz']), ['b']);
    assert.deepEqual(chosen(['tag=prod'], 1), ['a']);
    assert.deepEqual(chosen(['group=lab', 'name=c']), ['c']);
    assert.throws(() => chosen(['tag=none']), { code: 'bad-usage', message: /is what --only names/ });
    for (const odd of ['vienna', 'colour=red', 'site='])
      assert.throws(() => readChoice(odd), { code: 'bad-usage' });
  });

  it('of a fleet that failed is audited once more when the rest is done', async () => {
    const acts: string[] = [];
    const told: object[] = [];
    const act = async (pair: string) => {
      acts.push(pair);
      return pair === 'bad' || (pair === 'late' && acts.filter(each => each === pair).length === 1)
        ? { pair, error: true }
        : { pair };
    };
    const rows = await twice(['bad', 'good', 'late'], 1, act, row => void told.push(row));
    assert.deepEqual(acts, ['bad', 'good', 'late', 'bad', 'late']);
    assert.deepEqual(rows, [{ pair: 'bad', error: true }, { pair: 'good' }, { pair: 'late' }]);
    assert.deepEqual(told, [{ pair: 'good' }, { pair: 'bad', error: true }, { pair: 'late' }]);
  });

  it('of a fleet goes on with so many at once, and keeps the order', async () => {
    let running = 0;
    let most = 0;
    const results = await each([3, 1, 2, 5, 4], 2, async number => {
      most = Math.max(most, ++running);
      for (let turn = 0; turn < number; turn++) await new Promise(resolve => setImmediate(resolve));
      running--;
      return number * 10;
    });
    assert.deepEqual([results, most], [[30, 10, 20, 50, 40], 2]);
  });
});
