import assert from 'node:assert/strict';
import { type DoctorFacts, type Outcome, STEPS, type Step } from '../../audit/doctor/check.ts';
import { CHECKS, countOf, examine } from '../../audit/doctor/doctor.ts';
import { type Examination, readExamination } from '../../audit/doctor/examination.ts';
import { LOOKED_AT_BY_0_1_0 } from '../../audit/doctor/rules.ts';
import { STEP_CHECKS } from '../../audit/doctor/steps.ts';
import type { Json } from '../../schema/json.ts';
import { RULES } from '../../schema/rules/index.ts';
import { healthyPair } from './healthy.ts';

type Facts = ReturnType<typeof healthyPair>;
type Break = (facts: Facts, here: Examination, there: Examination) => unknown;

/** What no unit can see by itself: told as such, always. */
const OUTSIDE = ['virtual-id-unique', 'addresses-free', 'switch-settings'];

function examined(breaks: Break, step?: Step): Map<string, Outcome> {
  const facts = healthyPair();
  breaks(facts, facts.here, facts.there);
  return new Map(examine(facts, step).map(({ code, outcome }) => [code, outcome]));
}

/** Codes that do not pass, with how, but for those that never do. */
function faults(breaks: Break, step?: Step): Record<string, Outcome> {
  return Object.fromEntries(
    [...examined(breaks, step)].filter(([code, outcome]) => outcome !== 'ok' && !OUTSIDE.includes(code)),
  );
}

const eth0 = (unit: Examination) => unit.interfaces[0] as Examination['interfaces'][number];
const finding = (path: string, fails: boolean) => ({
  code: 'certificate-expired',
  path,
  message: 'no',
  fails,
});
function readiness(unit: Examination, path: string, fails: boolean): void {
  unit.state.readiness = {
    ready: !fails,
    count: 1,
    checkedAt: '2026-03-01T11:59:00Z',
    findings: [finding(path, fails)],
  };
}

/** Each breaks one thing, and names what must come of it: nothing less, and nothing else. */
const BREAKS: [what: string, expected: Record<string, Outcome>, breaks: Break][] = [
  [
    'both units are first',
    { 'ha-modes': 'failure' },
    (_f, _h, there) => Object.assign(there.unit, { mode: 'first' }),
  ],
  [
    'the partner has no HA mode',
    { 'ha-modes': 'failure' },
    (_f, _h, there) => Object.assign(there.unit, { mode: 'single' }),
  ],
  [
    'both units are active',
    { 'one-active': 'failure', 'in-step': 'failure', certificates: 'not-checked', records: 'not-checked' },
    (_f, here, there) => {
      there.unit.role = 'active';
      Object.assign(here.state, { sync: 'both-active', inStep: false, sentence: 'Both units are active.' });
    },
  ],
  [
    'the standby lacks something',
    { 'in-step': 'warning' },
    (_f, here) => Object.assign(here.state, { inStep: false }),
  ],
  [
    'whether they are in step is not known',
    { 'in-step': 'not-checked' },
    (_f, here) => Object.assign(here.state, { inStep: null }),
  ],
  [
    'updates are refused',
    { 'in-step': 'failure' },
    (_f, here) => Object.assign(here.state, { sync: 'refused', inStep: false }),
  ],
  [
    'the Virtual IDs differ',
    { 'virtual-id': 'failure' },
    (_f, _h, there) => Object.assign(there.ha, { virtualId: 140 }),
  ],
  [
    'there is no Virtual ID',
    { 'virtual-id': 'warning' },
    (_f, here) => Object.assign(here.ha, { virtualId: null }),
  ],
  [
    'a unit is preferred',
    { 'preferred-host': 'warning' },
    (_f, here) => Object.assign(here.ha, { preferredHost: 'first' }),
  ],
  [
    'the partner is pacified',
    { pacified: 'failure' },
    (_f, _h, there) => Object.assign(there.state, { pacified: 'It is.' }),
  ],
  [
    'what was restored is not confirmed',
    { 'unconfirmed-restore': 'failure' },
    (_f, here) => Object.assign(here.state, { unconfirmed: 'x' }),
  ],
  [
    'a change waits',
    { provisional: 'warning' },
    (_f, here) => Object.assign(here.state, { provisional: 'x' }),
  ],
  ['updates are paused', { paused: 'warning' }, (_f, here) => Object.assign(here.state, { paused: 'x' })],
  ['a branch waits', { branches: 'warning' }, (_f, _h, there) => Object.assign(there.state, { branches: 1 })],
  [
    'a file is not committed',
    { files: 'failure' },
    (_f, here) => here.state.files.push({ code: 'bad-json', path: 'config/hosts/a.json', message: 'no' }),
  ],
  [
    'the store is damaged',
    { store: 'failure' },
    (_f, _h, there) => Object.assign(there.state, { damaged: 'x' }),
  ],
  [
    'the passwords of bal differ',
    { 'bal-password': 'warning' },
    facts => Object.assign(facts, { sameBal: false }),
  ],
  [
    'the password of bal cannot be compared',
    { 'bal-password': 'not-checked' },
    facts => Object.assign(facts, { sameBal: null }),
  ],
  [
    'one unit has no password of bal',
    { 'bal-password': 'warning' },
    (_f, _h, there) => Object.assign(there.bal, { set: false }),
  ],
  [
    'the partner does not reach us',
    { 'reaches-partner': 'failure' },
    (_f, _h, there) => Object.assign(there.connection, { reaches: false }),
  ],
  [
    'nothing listens',
    { listening: 'failure' },
    (_f, here) => Object.assign(here.connection, { listening: false }),
  ],
  [
    'what listens is not known',
    { listening: 'not-checked' },
    (_f, here) => Object.assign(here.connection, { listening: null }),
  ],
  [
    'we pinned another key',
    { 'partner-key': 'failure' },
    (_f, here) => Object.assign(here.connection, { pinned: 'SHA256:x' }),
  ],
  [
    'the partner pinned another key',
    { 'partner-key': 'failure' },
    (_f, _h, there) => Object.assign(there.connection, { pinned: 'SHA256:x' }),
  ],
  ['the partner is far', { latency: 'failure' }, facts => Object.assign(facts, { latencyMs: 130 })],
  [
    'both have one address',
    { 'unit-addresses': 'failure', 'partner-address': 'failure' },
    (_f, here, there) => Object.assign(eth0(there), { address: eth0(here).address }),
  ],
  [
    'the units lie in two subnets',
    { 'unit-addresses': 'failure' },
    (_f, here, there) => {
      eth0(there).address = '10.0.1.12';
      eth0(here).partnerAddress = '10.0.1.12';
    },
  ],
  [
    'the partner is looked for elsewhere',
    { 'partner-address': 'failure' },
    (_f, here) => Object.assign(eth0(here), { partnerAddress: '10.0.0.99' }),
  ],
  [
    'the shared address differs',
    { 'shared-address': 'failure' },
    (_f, _h, there) => Object.assign(eth0(there), { sharedAddress: '10.0.0.9' }),
  ],
  [
    'there is no shared address',
    { 'shared-address': 'warning' },
    (_f, here) => Object.assign(eth0(here), { sharedAddress: null }),
  ],
  [
    'the gateway differs',
    { 'default-gateway': 'failure' },
    (_f, _h, there) => Object.assign(there.network, { gateway: '10.0.0.2' }),
  ],
  [
    'the gateway does not answer',
    { 'gateway-answers': 'warning' },
    (_f, _h, there) => Object.assign(there.network, { gatewayAnswers: false }),
  ],
  [
    'the gateway cannot be asked',
    { 'gateway-answers': 'not-checked' },
    (_f, here) => Object.assign(here.network, { gatewayAnswers: null }),
  ],
  [
    'a link is down',
    { 'link-up': 'failure' },
    (_f, _h, there) => Object.assign(eth0(there), { link: 'down' }),
  ],
  [
    'an interface is not there',
    { 'link-up': 'warning' },
    (_f, here) => Object.assign(eth0(here), { link: 'missing' }),
  ],
  [
    'a link is not known',
    { 'link-up': 'not-checked' },
    (_f, here) => Object.assign(eth0(here), { link: 'unknown' }),
  ],
  ['there is one interconnection', { interconnections: 'warning' }, (_f, here) => here.interfaces.pop()],
  [
    'the models differ',
    { 'same-model': 'failure' },
    (_f, _h, there) => Object.assign(there.unit, { model: 'VLM-5000' }),
  ],
  [
    'the releases differ',
    { 'same-release': 'warning' },
    (_f, _h, there) => Object.assign(there.unit, { release: '7.2.55' }),
  ],
  [
    'the schemas differ',
    { 'same-schema': 'warning' },
    (_f, _h, there) => Object.assign(there.unit, { schemaDigest: 'b'.repeat(64) }),
  ],
  ['the clocks disagree', { 'clock-skew': 'warning' }, facts => Object.assign(facts, { skewMs: -1500 })],
  [
    'nothing keeps a clock',
    { 'time-synchronised': 'warning' },
    (_f, _h, there) => Object.assign(there.time, { synchronised: false }),
  ],
  [
    'who keeps a clock is not known',
    { 'time-synchronised': 'not-checked' },
    (_f, here) => Object.assign(here.time, { synchronised: null }),
  ],
  [
    'the time zones differ',
    { 'time-zone': 'warning' },
    (_f, _h, there) => Object.assign(there.time, { zone: 'Europe/Berlin' }),
  ],
  [
    'the time servers differ',
    { 'time-servers': 'warning' },
    (_f, _h, there) => Object.assign(there.time, { servers: [] }),
  ],
  [
    'a disk is nearly full',
    { 'disk-space': 'failure' },
    (_f, _h, there) => Object.assign(there.disk ?? {}, { freeBytes: 1e6, totalBytes: 1e8 }),
  ],
  [
    'little is free',
    { 'disk-space': 'warning' },
    (_f, here) => Object.assign(here.disk ?? {}, { freeBytes: 1e8, totalBytes: 1e9 }),
  ],
  [
    'there are no more files',
    { 'disk-space': 'failure' },
    (_f, here) => Object.assign(here.disk ?? {}, { freeFiles: 5 }),
  ],
  [
    'the disk does not say',
    { 'disk-space': 'not-checked' },
    (_f, here) => Object.assign(here, { disk: null }),
  ],
  [
    'the disk is full in a week',
    { 'disk-lasts': 'warning' },
    (_f, here) => Object.assign(here.space ?? {}, { fullInDays: 7 }),
  ],
  [
    'the disk of the partner is full in two days',
    { 'disk-lasts': 'failure' },
    (_f, _h, there) => Object.assign(there.space ?? {}, { fullInDays: 2 }),
  ],
  [
    'the partner runs a release that does not tell sizes',
    { 'disk-lasts': 'not-checked' },
    (_f, _h, there) => {
      delete there.space;
    },
  ],
  [
    'a disk refuses what is written',
    { 'disk-writes': 'failure' },
    (_f, _h, there) => Object.assign(there.state, { refused: 'since 2026-01-01: No space left' }),
  ],
  [
    'the partner is of a release that does not say whether its disk refuses',
    { 'disk-writes': 'not-checked' },
    (_f, _h, there) => Object.assign(there.state, { refused: undefined }),
  ],
  [
    'the partner does not look at a rule of this release',
    { 'backup-schedule-ftp': 'not-checked' },
    (_f, _h, there) =>
      Object.assign(there, {
        rulesLooked: there.rulesLooked?.filter(code => code !== 'backup-schedule-ftp'),
      }),
  ],
  [
    'the partner is of release 0.1.0, which did not look at all rules of this one',
    Object.fromEntries(
      RULES.filter(({ code: rule }) => !LOOKED_AT_BY_0_1_0.has(rule)).map(({ code: rule }) => [
        rule,
        'not-checked',
      ]),
    ),
    (_f, _h, there) => Object.assign(there, { rulesLooked: undefined }),
  ],
  [
    'a unit has more interfaces than it tells of',
    { 'link-up': 'not-checked' },
    (_f, here) => Object.assign(here, { moreInterfaces: 3 }),
  ],
  [
    'a key can be read',
    { 'file-modes': 'failure' },
    (_f, here) => here.lax.push({ code: 'lax-permissions', path: 'keys/host_ed25519', message: 'mode 0644' }),
  ],
  [
    'a certificate has expired',
    { certificates: 'failure' },
    (_f, _h, there) => readiness(there, 'certificates/shop', true),
  ],
  [
    'a certificate expires soon',
    { certificates: 'warning' },
    (_f, _h, there) => readiness(there, 'certificates/shop', false),
  ],
  [
    'a record lacks what it needs',
    { records: 'failure' },
    (_f, _h, there) => readiness(there, 'hosts/a', true),
  ],
  [
    'the standby has not looked yet',
    { certificates: 'not-checked', records: 'not-checked' },
    (_f, _h, there) =>
      Object.assign(there.state, { readiness: { ready: null, count: 0, checkedAt: null, findings: [] } }),
  ],
  [
    'no schedule is switched on',
    { 'backup-schedule': 'warning', 'backup-run': 'not-checked' },
    (_f, here) => Object.assign(here.backup, { method: null }),
  ],
  [
    'a unit lacks the passphrase',
    { 'backup-passphrase': 'failure' },
    (_f, _h, there) => Object.assign(there.backup, { passphrase: false, fault: 'It has no passphrase.' }),
  ],
  [
    'the last backup failed',
    { 'backup-run': 'failure' },
    (_f, here) => Object.assign(here.backup, { lastRunFault: 'no' }),
  ],
  [
    'the web certificate of one unit has expired',
    { certificates: 'failure' },
    (_f, here) => here.certificates.findings.push(finding('webCertificate', true)),
  ],
  [
    'a host is not covered',
    { certificates: 'warning' },
    (_f, _h, there) => there.certificates.findings.push(finding('virtualServices/tcp:10.0.0.10:443', false)),
  ],
  [
    'no backup was made yet',
    { 'backup-run': 'warning' },
    (_f, here) => Object.assign(here.backup, { lastRunAt: null }),
  ],
  [
    'the last backup is old',
    { 'backup-run': 'warning' },
    (_f, here) => Object.assign(here.backup, { lastRunAt: '2026-02-20T02:30:00Z' }),
  ],
  [
    'the last drill failed',
    { 'backup-drill': 'failure' },
    (_f, _h, there) => Object.assign(there.backup, { drillFault: 'no' }),
  ],
  [
    'no drill ever passed',
    { 'backup-drill': 'warning' },
    (_f, here) => Object.assign(here.backup, { provedAt: null }),
  ],
  [
    'the last drill is old',
    { 'backup-drill': 'warning' },
    (_f, here) => Object.assign(here.backup, { provedAt: '2025-12-01T02:30:00Z' }),
  ],
  ...RULES.map(({ code, severity }): [string, Record<string, Outcome>, Break] => [
    `the rule ${code} is broken`,
    { [code]: severity === 'error' ? 'failure' : 'warning' },
    (_f, _h, there) => there.rules.push({ code, path: 'ha', message: 'no' }),
  ]),
];

/** The same, before a step. */
const STEP_BREAKS: [step: Step, what: string, expected: Record<string, Outcome>, breaks: Break][] = [
  [
    'takeover',
    'the standby is not ready',
    { 'takeover-ready': 'failure', records: 'failure' },
    (_f, _h, there) => readiness(there, 'hosts/a', true),
  ],
  [
    'takeover',
    'something is unsent',
    { 'nothing-unsent': 'failure' },
    (_f, here) => Object.assign(here.state, { unsent: 2 }),
  ],
  [
    'takeover',
    'records are held back',
    { 'nothing-unsent': 'failure' },
    (_f, here) => Object.assign(here.state, { heldBack: 2 }),
  ],
  [
    'takeover',
    'updates are paused',
    { paused: 'failure' },
    (_f, here) => Object.assign(here.state, { paused: 'x' }),
  ],
  [
    'takeover',
    'the releases differ',
    { 'same-release': 'failure' },
    (_f, _h, there) => Object.assign(there.unit, { release: '7.2.55' }),
  ],
  [
    'replace',
    'no unit is preferred',
    { 'preferred-host-set': 'failure' },
    (_f, here) => Object.assign(here.ha, { preferredHost: 'none' }),
  ],
  [
    'replace',
    'the wrong unit is preferred',
    { 'preferred-host-set': 'failure' },
    (_f, here) => Object.assign(here.ha, { preferredHost: 'second' }),
  ],
  [
    'replace',
    'the proof is two days old',
    { 'backup-proved': 'failure' },
    (_f, _h, there) => Object.assign(there.backup, { provedAt: '2026-02-27T12:00:00Z' }),
  ],
  [
    'replace',
    'no unit has a bundle of certificates',
    { 'certificate-bundle': 'warning' },
    (_f, here, there) => {
      for (const { backup } of [here, there]) backup.certificateBundle = null;
    },
  ],
  [
    'replace',
    'the newest bundle of certificates is old',
    { 'certificate-bundle': 'warning' },
    (_f, here, there) => {
      for (const { backup } of [here, there])
        backup.certificateBundle = { name: 'x', at: '2026-01-01T00:00:00Z' };
    },
  ],
  [
    'release-update',
    'a unit is preferred',
    { 'preferred-host': 'failure' },
    (_f, here) => Object.assign(here.ha, { preferredHost: 'first' }),
  ],
  [
    'release-update',
    'the proof is two weeks old',
    { 'backup-proved': 'failure' },
    (_f, here) => Object.assign(here.backup, { provedAt: '2026-02-15T12:00:00Z' }),
  ],
  [
    'release-update',
    'no unit is standby',
    {
      'standby-first': 'failure',
      'one-active': 'failure',
      certificates: 'not-checked',
      records: 'not-checked',
    },
    (_f, _h, there) => Object.assign(there.unit, { role: 'active' }),
  ],
];

/** What a step wants to be so. */
const prepared: Record<Step, Break> = {
  takeover: () => undefined,
  replace: (_f, here, there) => {
    here.ha.preferredHost = 'first';
    there.ha.preferredHost = 'first';
  },
  'release-update': () => undefined,
};
const NEVER_KNOWN: Record<Step, Record<string, Outcome>> = {
  takeover: {},
  replace: {},
  'release-update': {},
};

describe('the doctor', () => {
  it('finds nothing wrong with a healthy pair, and names what it cannot see', () => {
    assert.deepEqual(
      faults(() => undefined),
      {},
    );
    const found = examine(healthyPair());
    assert.deepEqual(
      found.filter(({ outcome }) => outcome === 'not-checked').map(({ code }) => code),
      OUTSIDE,
    );
    assert.deepEqual(countOf(found), { ok: CHECKS.length - 3, warning: 0, failure: 0, 'not-checked': 3 });
  });

  for (const [what, expected, breaks] of BREAKS)
    it(`when ${what}: ${Object.keys(expected).join(', ')}, and nothing else`, () => {
      assert.deepEqual(faults(breaks), expected);
    });

  for (const [step, what, expected, breaks] of STEP_BREAKS)
    it(`before ${step}, when ${what}: ${Object.keys(expected).join(', ')}`, () => {
      const all: Break = (facts, here, there) => {
        prepared[step](facts, here, there);
        breaks(facts, here, there);
      };
      assert.deepEqual(faults(all, step), { ...NEVER_KNOWN[step], ...expected });
    });

  it('has nothing against a step that is prepared', () => {
    for (const step of STEPS) assert.deepEqual(faults(prepared[step], step), NEVER_KNOWN[step], step);
  });

  it('has a test for each check, and each code once', () => {
    const codes = [...CHECKS, ...STEPS.flatMap(step => STEP_CHECKS[step])].map(({ code }) => code);
    assert.equal(new Set(CHECKS.map(({ code }) => code)).size, CHECKS.length);
    const broken = [
      ...BREAKS.map(([, expected]) => expected),
      ...STEP_BREAKS.map(([, , expected]) => expected),
    ];
    const tested = new Set([...broken.flatMap(Object.keys), ...OUTSIDE, 'partner-examined']);
    assert.deepEqual(
      codes.filter(code => !tested.has(code)),
      [],
    );
  });

  it('says of each fault why it matters and what to do', () => {
    for (const [what, , breaks] of BREAKS) {
      const facts = healthyPair();
      breaks(facts, facts.here, facts.there);
      for (const { code, outcome, why, hint, message } of examine(facts)) {
        assert.match(why, /\.$/, code);
        assert.doesNotMatch(message, /\.$/, `${code} when ${what}`);
        if (outcome === 'warning' || outcome === 'failure') assert.ok(hint, code);
      }
    }
  });

  it('names the unit that has the fault, and both facts', () => {
    const facts = healthyPair();
    eth0(facts.there).link = 'down';
    const found = examine(facts).find(({ code }) => code === 'link-up');
    assert.deepEqual(
      [found?.message, found?.here, found?.there],
      ['lb2: no link on eth0', 'eth0 up, eth1 up', 'eth0 down, eth1 up'],
    );
  });

  describe('when the partner cannot be asked', () => {
    const alone = (): DoctorFacts => {
      const facts: DoctorFacts = {
        ...healthyPair(),
        there: null,
        thereUnknown: 'It is off',
        latencyMs: null,
        skewMs: null,
      };
      Object.assign(facts.here.connection, { reaches: false, because: 'lb2 is not seen.' });
      Object.assign(facts.here.state, { sync: 'unreachable', inStep: null });
      return facts;
    };

    it('passes nothing that only this unit says', () => {
      const found = examine(alone());
      assert.deepEqual(
        found.filter(({ outcome }) => outcome === 'ok').map(({ code }) => code),
        ['preferred-host'], // shared, so one unit knows it
      );
      assert.deepEqual(
        found.filter(({ outcome }) => outcome === 'failure').map(({ code }) => code),
        ['reaches-partner'],
      );
    });

    it('still names what is wrong here', () => {
      const facts = alone();
      facts.here.lax.push({ code: 'lax-permissions', path: 'keys', message: 'mode 0755' });
      const found = examine(facts).find(({ code }) => code === 'file-modes');
      assert.deepEqual([found?.outcome, found?.message], ['failure', 'lb1: keys has mode 0755']);
    });

    it('lets nobody replace a unit or update a release', () => {
      for (const step of ['replace', 'release-update'] as const) {
        const found = examine(alone(), step).find(({ code }) => code === 'partner-examined');
        assert.deepEqual([found?.outcome, found?.message], ['failure', 'It is off']);
      }
    });
  });

  it('asks a single unit nothing about a pair', () => {
    const facts: DoctorFacts = { ...healthyPair(), there: null, thereUnknown: 'none' };
    facts.here.unit.mode = 'single';
    const found = examine(facts);
    assert.deepEqual([...new Set(found.map(({ outcome }) => outcome))], ['ok']);
    assert.ok(found.some(({ code }) => code === 'disk-space'));
    assert.ok(!found.some(({ code }) => code === 'ha-modes'));
    assert.throws(() => examine(facts, 'takeover'), /single unit/);
  });
});

/** What a unit of release 0.1.0 does not say. */
const LATER = new Set(['state/refused', 'rulesLooked', 'moreInterfaces']);

describe('what a partner says of itself', () => {
  it('is taken as it is, also with facts that a later release adds', () => {
    const { there } = healthyPair();
    const told = { ...there, mood: 'good', unit: { ...there.unit, colour: 'blue' } } as unknown as Json;
    assert.deepEqual(readExamination(told), told);
  });

  it('is taken from a unit of release 0.1.0, which says less', () => {
    const { there } = healthyPair();
    const { rulesLooked: _rules, moreInterfaces: _more, ...told } = there;
    Reflect.deleteProperty(told.state, 'refused');
    assert.deepEqual(readExamination(told as unknown as Json), told);
  });

  it('is refused when a fact lacks or has another form', () => {
    const { there } = healthyPair();
    const paths = Object.keys(there).flatMap(name => {
      const part = there[name as keyof Examination];
      const isWhole = Array.isArray(part) || typeof part !== 'object' || part === null;
      return isWhole ? [[name]] : Object.keys(part).map(field => [name, field]);
    });
    assert.ok(paths.length > 40);
    for (const path of paths)
      for (const wrong of [undefined, { evil: true }, 'x'.repeat(5000)]) {
        if (wrong === undefined && LATER.has(path.join('/'))) continue;
        const told = JSON.parse(JSON.stringify(there));
        const place = path.length === 1 ? told : told[path[0] as string];
        place[path.at(-1) as string] = wrong;
        assert.throws(
          () => readExamination(told),
          /not what this release knows/,
          `${path}: ${String(wrong).slice(0, 10)}`,
        );
      }
  });
});
