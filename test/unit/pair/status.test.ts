import assert from 'node:assert/strict';
import type { Square } from '../../../api/contract/status.ts';
import { LockstepError } from '../../../schema/error.ts';
import type { Revision } from '../../../store/revision.ts';
import type { StateName } from '../../../sync/pair-state.ts';
import { initialState, type SyncState } from '../../../sync/state.ts';
import { squares } from '../../../unit/pair/squares.ts';
import { makeStatus } from '../../../unit/pair/status.ts';
import type { StatusFacts } from '../../../unit/pair/status-facts.ts';
import { A, B, ownFacts, partnerHello } from '../../sync/facts.ts';

const PARTNER = {
  pairId: 'pair-1',
  unitId: 'unit-second',
  name: 'name-at-pairing',
  mode: 'second' as const,
  host: '10.0.0.12',
  port: 6973,
  hostKey: '',
  clientKey: '',
  fingerprint: 'SHA256:x',
};

/** The active first unit, in step with its partner. */
function inStep(): StatusFacts {
  return {
    head: { revision: 7, digest: A, epoch: 1, role: 'active', records: 3, common: A, commonRevision: 7 },
    identity: { name: 'lb-a', mode: 'first', model: 'generic', release: '1.0.0' },
    unitId: 'unit-first',
    schemaDigest: '5'.repeat(64),
    dir: '/var/lib/lockstep',
    address: '10.0.0.11',
    port: 6973,
    startedAt: '2025-03-01T10:00:00Z',
    partner: PARTNER,
    syncState: synced(),
    since: '2025-03-01T11:00:00Z',
    lastSeenAt: '2025-03-01T11:59:00Z',
    heardAt: 1_000,
    missing: [],
    missingRecords: 0,
    lastUpdate: undefined,
    nextUpdateAt: undefined,
    intervalSeconds: 120,
    pause: undefined,
    pacified: undefined,
    takeover: null,
    files: [],
    provisional: undefined,
    clock: { wall: 0, uptime: 0, bootId: 'boot-1' },
    branches: [],
    warnings: [],
    store: { damage: null, verifiedAt: null, verifying: null },
  };
}

function synced(
  more: Partial<SyncState> = {},
  own: Parameters<typeof ownFacts>[0] = {},
  theirs: Parameters<typeof partnerHello>[0] = {},
): SyncState {
  return {
    ...initialState(ownFacts(own)),
    link: 'up',
    partner: partnerHello({ name: 'lb-b', clock: 1_250, ...theirs }),
    ...more,
  };
}

const working = (step: 'preparing' | 'comparing' | 'sending'): SyncState =>
  synced({ work: { step, serving: [], walk: false, base: A, target: B, revision: 8 } }, { digest: B });
const refusal = new LockstepError('base-differs', 'The partner refused it.', {
  hint: 'Look there.',
}).toJSON();

const square = (
  unit: Square['unit'],
  colour: Square['colour'],
  active: boolean,
  sentence: string,
): Square => ({ unit, colour, active, sentence });
const SELF = square('HA1', 'green', true, 'this unit; up, active');
const STANDBY = square('HA2', 'green', false, 'lb-b; up, standby');

interface Case {
  facts: Partial<StatusFacts>;
  squares: Square[];
  sentence: RegExp;
  hint?: RegExp;
  inStep: boolean | null;
}

const PAUSE = { by: 'ada', reason: 'trying rules', since: '2025-03-01T11:00:00Z', until: null };

/** Every name that `lockstep status` shows (sync/README.md, States). */
const STATES: Record<StateName | 'single' | 'unpaired' | 'pacified', Case> = {
  single: {
    facts: { identity: { ...inStep().identity, mode: 'single' }, partner: undefined, syncState: undefined },
    squares: [],
    sentence: /single unit/,
    inStep: null,
  },
  unpaired: {
    facts: { partner: undefined, syncState: undefined },
    squares: [
      square('HA1', 'grey', false, 'this unit; set-up is incomplete: not paired yet'),
      square('HA2', 'red', false, 'not paired'),
    ],
    sentence: /no partner yet/,
    hint: /lockstep pair --invite/,
    inStep: null,
  },
  unreachable: {
    facts: { syncState: synced({ link: 'down', downBecause: 'connection refused.' }) },
    squares: [SELF, square('HA2', 'red', false, 'lb-b; unreachable or off')],
    sentence: /^lb-b is not seen: connection refused\.$/,
    hint: /6973/,
    inStep: null,
  },
  greeting: {
    facts: { syncState: synced({ link: 'greeting' }) },
    squares: [SELF, square('HA2', 'updating', false, 'lb-b; connecting')],
    sentence: /Connecting to lb-b/,
    inStep: null,
  },
  refused: {
    facts: { syncState: synced({}, {}, { model: 'vlm-5000' }) },
    squares: [
      square('HA1', 'grey', true, 'this unit; no pair yet: model here generic, there vlm-5000'),
      square('HA2', 'grey', false, 'lb-b; no pair yet: model here generic, there vlm-5000'),
    ],
    sentence: /model here generic, there vlm-5000/,
    hint: /Make them equal/,
    inStep: false,
  },
  'held-back': {
    facts: {
      syncState: synced(
        {
          held: {
            records: 2,
            paths: ['hosts/a', 'hosts/b'],
            own: A,
            partner: B,
            partnerSchema: '6'.repeat(64),
          },
        },
        {},
        { digest: B, release: '1.1.0', schemaDigest: '6'.repeat(64) },
      ),
    },
    squares: [SELF, STANDBY],
    sentence:
      /^lb-b runs release 1\.1\.0, this unit 1\.0\.0: 2 records wait until both run the same; all else is equal\.$/,
    hint: /same release/,
    inStep: false,
  },
  damaged: {
    facts: {
      store: {
        damage: {
          since: '2025-03-01T11:00:00Z',
          foundBy: 'the scrub',
          findings: [{ path: 'hosts/web', reason: 'is not readable' }],
          more: 2,
        },
        verifiedAt: null,
        verifying: null,
      },
    },
    squares: [square('HA1', 'blue', true, 'this unit; its store is damaged'), STANDBY],
    sentence: /^The store of this unit is damaged: hosts\/web is not readable, and 2 more\.$/,
    hint: /lockstep rebuild --from-partner/,
    inStep: false,
  },
  'fallen-back': {
    facts: {
      syncState: synced(
        {},
        { digest: B, fellBack: { revision: 5, from: 7, at: '2025-03-01T10:00:00Z', own: true } },
      ),
    },
    squares: [square('HA1', 'grey', true, 'this unit; its disk fell back'), STANDBY],
    sentence:
      /^This unit fell back: its disk is that of its revision 5 of 2025-03-01T10:00:00Z, while lb-b holds its revision 7, and was changed since\. Nothing goes out\.$/,
    hint: /^Type lockstep takeover --force on lb-b: .* becomes a branch/,
    inStep: false,
  },
  'both-active': {
    facts: { syncState: synced({}, {}, { role: 'active' }) },
    squares: [
      square('HA1', 'grey', true, 'this unit; both units are active'),
      square('HA2', 'grey', true, 'lb-b; both units are active'),
    ],
    sentence: /Both units are active/,
    hint: /lockstep takeover --force there; .* becomes a branch/,
    inStep: false,
  },
  'no-active': {
    facts: { head: { ...inStep().head, role: 'standby' }, syncState: synced({}, { role: 'standby' }) },
    squares: [square('HA1', 'green', false, 'this unit; up, standby'), STANDBY],
    sentence: /nobody serves/,
    hint: /takeover/,
    inStep: false,
  },
  updating: {
    facts: { syncState: working('sending') },
    squares: [SELF, STANDBY],
    sentence: /update to lb-b is under way/,
    inStep: false,
  },
  comparing: {
    facts: { syncState: working('comparing') },
    squares: [SELF, STANDBY],
    sentence: /update to lb-b is under way/,
    inStep: false,
  },
  'taking-over': {
    facts: {
      head: { ...inStep().head, role: 'standby' },
      syncState: synced(
        { work: { step: 'taking-over', ticket: 1, epoch: 2, force: false } },
        { role: 'standby' },
        { role: 'active' },
      ),
    },
    squares: [
      square('HA1', 'green', false, 'this unit; up, standby'),
      square('HA2', 'green', true, 'lb-b; up, active'),
    ],
    sentence: /taking over from lb-b/,
    inStep: false,
  },
  'in-step': { facts: {}, squares: [SELF, STANDBY], sentence: /^In step: lb-b holds the same/, inStep: true },
  paused: {
    facts: { pause: PAUSE, syncState: synced({}, { digest: B, pause: PAUSE }) },
    squares: [SELF, STANDBY],
    sentence: /lb-b lacks changes that were made here: Updates are paused by ada: trying rules\.$/,
    hint: /lockstep resume/,
    inStep: false,
  },
  pacified: {
    facts: {
      pacified: { since: '2025-03-01T11:00:00Z', restarts: 4 },
      syncState: undefined,
    },
    squares: [
      square('HA1', 'blue', false, 'this unit; pacified: it takes part in nothing'),
      square('HA2', 'red', false, 'name-at-pairing; not looked for'),
    ],
    sentence: /restarted 4 times within five minutes/,
    hint: /lockstep resume/,
    inStep: null,
  },
  behind: {
    facts: { syncState: synced({}, { digest: B }) },
    squares: [SELF, STANDBY],
    sentence: /lb-b lacks changes/,
    inStep: false,
  },
};

describe('the status of a unit', () => {
  it('names a pacified partner, blue, with what ends it; it is as unreachable as before', () => {
    const syncState = synced({ link: 'down' }, {}, { pacified: true, role: 'active' });
    const { squares: shown, sync, partner } = makeStatus({ ...inStep(), syncState });
    assert.deepEqual(shown, [SELF, square('HA2', 'blue', false, 'lb-b; pacified: it takes part in nothing')]);
    assert.deepEqual([sync.state, partner?.seen], ['unreachable', false]);
    assert.match(sync.hint ?? '', /type lockstep resume on lb-b\.$/);
  });

  for (const [state, expected] of Object.entries(STATES)) {
    it(`is ${state}`, () => {
      const { squares: shown, sync } = makeStatus({ ...inStep(), ...expected.facts });
      assert.equal(sync.state, state);
      assert.deepEqual(shown, expected.squares);
      assert.match(sync.sentence, expected.sentence);
      assert.match(sync.sentence, /^\S.*[^.]\.$/);
      assert.match(sync.hint ?? '', expected.hint ?? /^$/);
      assert.equal(sync.inStep, expected.inStep);
    });
  }

  it('says in every state what to do, where somebody has to do something', () => {
    const calm = ['single', 'greeting', 'updating', 'comparing', 'taking-over', 'in-step', 'behind'];
    const silent = Object.entries(STATES).filter(([, { hint }]) => hint === undefined);
    assert.deepEqual(silent.map(([state]) => state).sort(), calm.sort());
  });

  it('has HA1 on the left, on both units', () => {
    const second = {
      ...inStep(),
      identity: { ...inStep().identity, mode: 'second' as const },
      head: { ...inStep().head, role: 'standby' as const },
    };
    const syncState = synced({}, { mode: 'second', role: 'standby' }, { mode: 'first', role: 'active' });
    assert.deepEqual(squares({ ...second, partner: { ...PARTNER, name: 'lb-b' }, syncState }), [
      square('HA1', 'green', true, 'lb-b; up, active'),
      square('HA2', 'green', false, 'this unit; up, standby'),
    ]);
  });

  it('calls the partner by the name that it has today', () => {
    const status = makeStatus(inStep());
    assert.equal(status.partner?.name, 'lb-b');
    const unheard = makeStatus({ ...inStep(), syncState: initialState(ownFacts()) });
    assert.equal(unheard.partner?.name, 'name-at-pairing');
    assert.match(unheard.sync.sentence, /^name-at-pairing is not seen/);
  });

  it('tells why the last update was refused', () => {
    const { sync } = makeStatus({ ...inStep(), syncState: synced({ refusal }, { digest: B }) });
    assert.deepEqual(
      [sync.state, sync.sentence, sync.hint],
      ['refused', 'The partner refused it.', 'Look there.'],
    );
    assert.deepEqual(sync.refusal, refusal);
  });

  it('names no releases where they are equal, and counts what waits once', () => {
    const schema = '6'.repeat(64);
    const held = { records: 1, paths: ['hosts/a'], own: A, partner: B, partnerSchema: schema };
    const { sync } = makeStatus({
      ...inStep(),
      missingRecords: 7,
      syncState: synced({ held }, {}, { digest: B, schemaDigest: schema }),
    });
    assert.match(sync.sentence, /^lb-b describes some kinds of record differently: 1 record waits until/);
    assert.match(sync.hint ?? '', /schema\.d/);
    assert.deepEqual(sync.missing, { revisions: 0, records: 1, latest: [] });
  });

  it('tells on the standby too that the active unit fell back', () => {
    const facts = { ...inStep(), head: { ...inStep().head, role: 'standby' as const } };
    const fellBack = { revision: 5, from: 7, at: '2025-03-01T10:00:00Z', own: false };
    const { sync, squares: shown } = makeStatus({
      ...facts,
      syncState: synced({}, { role: 'standby' }, { role: 'active', digest: B, fellBack }),
    });
    assert.equal(sync.state, 'fallen-back');
    assert.match(sync.sentence, /^lb-b fell back: .* while this unit holds its revision 7\./);
    assert.match(sync.hint ?? '', /^Type lockstep takeover --force here/);
    assert.deepEqual(shown[1], square('HA2', 'grey', true, 'lb-b; its disk fell back'));
  });

  it('tells on the standby too what does not fit', () => {
    const facts = { ...inStep(), head: { ...inStep().head, role: 'standby' as const } };
    const { sync } = makeStatus({
      ...facts,
      syncState: synced({}, { role: 'standby' }, { role: 'active', model: 'VLM-3000' }),
    });
    assert.equal(sync.state, 'refused');
    assert.equal(sync.sentence, 'lb-b does not fit to this unit: model here generic, there VLM-3000.');
    assert.match(String(sync.hint), /Make them equal/);
  });

  it('tells on the standby that the updates of its partner are paused', () => {
    const facts = { ...inStep(), head: { ...inStep().head, role: 'standby' as const } };
    const syncState = synced({}, { role: 'standby' }, { role: 'active', digest: B, paused: true });
    const { sync } = makeStatus({ ...facts, syncState });
    assert.deepEqual([sync.state, sync.pause], ['paused', null]);
    assert.match(sync.sentence, /made on lb-b, whose updates are paused/);
    assert.match(String(sync.hint), /lb-b says why; lockstep resume there/);
  });

  it('is in step all the same while updates are paused and nothing waits', () => {
    const { sync } = makeStatus({ ...inStep(), pause: PAUSE, syncState: synced({}, { pause: PAUSE }) });
    assert.deepEqual([sync.state, sync.inStep, sync.pause], ['in-step', true, PAUSE]);
  });

  it('tells on the standby what it lacks itself', () => {
    const facts = { ...inStep(), head: { ...inStep().head, role: 'standby' as const } };
    const { sync } = makeStatus({
      ...facts,
      syncState: synced({}, { role: 'standby' }, { role: 'active', digest: B }),
    });
    assert.deepEqual([sync.state, sync.missing], ['behind', null]);
    assert.match(sync.sentence, /^This unit lacks changes that were made on lb-b/);
  });

  it('names at most ten of the changes that would be missing, without what is in them', () => {
    const revision = (number: number): Revision => ({
      revision: number,
      at: '2025-03-01T11:00:00Z',
      kind: 'change',
      author: 'ada',
      reason: 'r',
      parent: A,
      digest: B,
      epoch: 1,
      records: 1,
      pairRecords: 1,
    });
    const missing = Array.from({ length: 12 }, (_, index) => revision(20 - index));
    const { sync } = makeStatus({ ...inStep(), missing, missingRecords: 30 });
    assert.deepEqual(
      [sync.missing?.revisions, sync.missing?.records, sync.missing?.latest.length],
      [12, 30, 10],
    );
    assert.deepEqual(sync.missing?.latest[0], {
      revision: 20,
      author: 'ada',
      reason: 'r',
      at: '2025-03-01T11:00:00Z',
    });
  });

  it('knows that an unseen partner lacks what was committed since the last receipt', () => {
    const head = { ...inStep().head, digest: B };
    const { sync } = makeStatus({
      ...inStep(),
      head,
      syncState: synced({ link: 'down' }, { digest: B, common: A }),
    });
    assert.equal(sync.inStep, false);
  });

  it('tells how far the clocks are apart', () => {
    assert.equal(makeStatus(inStep()).partner?.clockSkewMs, 250);
  });
});

describe('a status of two units of one name', () => {
  it('says so, since nothing that names one of them tells which', () => {
    const facts = inStep();
    const named = (name: string) =>
      makeStatus({ ...facts, syncState: synced({}, {}, { name }) }).warnings.map(({ code }) => code);
    assert.deepEqual(named('lb-a'), ['same-name']);
    assert.deepEqual(named('lb-b'), []);
  });
});

describe('the times of a status', () => {
  it('are by the clock of the unit, which it names', () => {
    const wall = Date.parse('2031-05-05T05:05:05Z');
    const { at } = makeStatus({ ...inStep(), clock: { wall, uptime: 0, bootId: 'boot-1' } });
    assert.equal(at, '2031-05-05T05:05:05.000Z');
  });
});
