import assert from 'node:assert/strict';
import type { Status } from '../../api/contract/status.ts';
import { exitCodeOf } from '../../cli/commands/status.ts';
import { coloured, plain } from '../../cli/paint.ts';
import { formatSquare, formatStatus } from '../../cli/status-screen.ts';

const NOW = new Date('2025-03-01T12:00:00Z');

/** A pair in step, as the active unit sees it. */
function pairInStep(): Status {
  return {
    at: NOW.toISOString(),
    unit: {
      id: 'u1',
      name: 'lb-a',
      mode: 'first',
      role: 'active',
      model: 'generic',
      release: '1.0',
      schemaDigest: 's',
      revision: 41,
      epoch: 3,
      digest: '9f2c4a6b8d0e1f2a3b',
      records: 312,
      common: '9f2c4a6b8d0e1f2a3b',
      commonRevision: 0,
      dir: '/var/lib/lockstep',
      address: '10.0.0.11',
      port: 6973,
      startedAt: '2025-03-01T10:00:00Z',
      pacified: null,
    },
    squares: [
      { unit: 'HA1', colour: 'green', active: true, sentence: 'this unit; up, active' },
      { unit: 'HA2', colour: 'green', active: false, sentence: 'lb-b; up, standby' },
    ],
    partner: {
      name: 'lb-b',
      host: '10.0.0.12',
      port: 6973,
      fingerprint: 'SHA256:x',
      seen: true,
      role: 'standby',
      epoch: 3,
      digest: '9f2c4a6b8d0e1f2a3b',
    },
    sync: {
      state: 'in-step',
      sentence: 'lb-b holds the same configuration.',
      since: '2025-03-01T11:59:00Z',
      inStep: true,
      missing: null,
      lastUpdate: {
        result: 'applied',
        kind: 'periodic',
        revision: 41,
        digest: '9f2c',
        records: 3,
        bytes: 1234,
        ms: 40,
        at: '2025-03-01T11:59:48Z',
      },
      pause: null,
      nextUpdateAt: '2025-03-01T12:00:48Z',
      intervalSeconds: 120,
      refusal: null,
      heldBack: null,
    },
    takeover: null,
    store: {
      damage: null,
      verifiedAt: null,
      refused: null,
      verifying: null,
      space: {
        storeBytes: 1_000_000,
        storeFreeBytes: 0,
        logBytes: 0,
        backupBytes: 0,
        incomingBytes: 0,
        diskFreeBytes: 1_000_000_000,
        diskBytes: 2_000_000_000,
        fullInDays: null,
      },
      history: { oldest: 1, revisions: 42, because: 'least' },
    },
    files: [],
    provisional: null,
    backup: { schedule: null, lastRun: null, drill: { last: null, passed: null } },
    branches: [],
    warnings: [],
  };
}

describe('lockstep status', () => {
  it('shows who paused the updates and when that ends, and what is restored and not confirmed', () => {
    const status = pairInStep();
    const pause = {
      by: 'ada',
      reason: 'new rules',
      since: '2025-03-01T11:55:00Z',
      until: '2025-03-01T12:25:00Z',
    };
    const unconfirmed = { by: 'bob', why: 'restore of site.bundle', since: '2025-03-01T11:00:00Z' };
    const shown = formatStatus(
      { ...status, unit: { ...status.unit, unconfirmed }, sync: { ...status.sync, pause } },
      NOW,
      plain,
    );
    assert.match(shown, /^paused +by ada 5 min ago, ends in 25 min: new rules\n +hint: lockstep resume/m);
    assert.match(
      shown,
      /^restored +1 h ago by bob, not confirmed: restore of site\.bundle\n +hint: .*confirm-source/m,
    );
    const behind = { ...status.sync, state: 'paused', hint: 'Type lockstep resume.', pause };
    assert.equal(formatStatus({ ...status, sync: behind }, NOW, plain).match(/hint:/g)?.length, 1);
  });

  it('says of a change that waits where it is confirmed: here, or on the active unit', () => {
    const provisional = {
      author: 'ada',
      reason: 'try',
      at: '2025-03-01T11:59:00Z',
      minutes: 5,
      secondsLeft: 240,
    };
    const shown = (settledBy?: { settledBy: string | null }): string =>
      formatStatus({ ...pairInStep(), provisional: { ...provisional, ...settledBy } }, NOW, plain);
    assert.match(shown(), /hint: lockstep confirm keeps it, lockstep confirm --undo takes it back$/m);
    assert.match(
      shown({ settledBy: 'lb-a' }),
      /hint: lockstep confirm on lb-a, the active unit, keeps it, lockstep confirm --undo there takes it back$/m,
    );
    assert.match(shown({ settledBy: null }), /hint: lockstep confirm on the active unit keeps it,/);
  });

  it('shows on a standby whether it could take over, and what would fail', () => {
    const status = pairInStep();
    const checkedAt = '2025-03-01T11:57:00Z';
    const ready = { ready: true, findings: [], count: 0, checkedAt };
    const shown = (takeover: Status['takeover']): string => formatStatus({ ...status, takeover }, NOW, plain);
    assert.match(shown(ready), /^takeover +ready, records looked at 3 min ago$/m);
    const unfit = {
      code: 'key-unfit',
      path: 'certificates/shop',
      message: 'its private key belongs to another certificate',
      hint: 'Replace it on the active unit.',
      fails: true,
    };
    assert.match(
      shown({ ready: false, findings: [unfit], count: 3, checkedAt }),
      /^takeover +not ready, [\s\S]*\n\nIf this unit took over now[^\n]*:\n {2}certificates\/shop: its private key[^\n]*\n {4}Replace it[^\n]*\n {2}and 2 more$/m,
    );
    const soon = { ...unfit, code: 'certificate-expires-soon', fails: false };
    assert.match(
      shown({ ready: true, findings: [soon], count: 1, checkedAt }),
      /could take over, but look at:/,
    );
    assert.match(shown({ ...ready, ready: null, checkedAt: null }), /^takeover +being looked at$/m);
  });

  it('shows a pair in step on one screen', () => {
    assert.equal(
      formatStatus(pairInStep(), NOW, plain),
      `[A] HA1 green    this unit; up, active
[ ] HA2 green    lb-b; up, standby

unit      lb-a, HA first mode, active, 10.0.0.11, running for 2 h
revision  41, epoch 3, 312 shared records, digest 9f2c4a6b8d0e
partner   lb-b at 10.0.0.12, seen, standby, epoch 3, digest 9f2c4a6b8d0e
sync      in-step: lb-b holds the same configuration.
update    last 12 s ago (periodic: revision 41, 3 records, 1.2 kB, 40 ms)
          next in 48 s, every 2 min`,
    );
    assert.equal(exitCodeOf(pairInStep()), 0);
  });

  it('says what would be missing, which files wait, and what to watch out for', () => {
    const status = pairInStep();
    status.sync = {
      ...status.sync,
      state: 'unreachable',
      sentence: 'lb-b does not answer.',
      hint: 'Is it switched on?',
      inStep: false,
      missing: {
        revisions: 3,
        records: 7,
        latest: [{ revision: 44, author: 'anna', reason: 'new shop', at: '2025-03-01T11:58:00Z' }],
      },
      lastUpdate: null,
      nextUpdateAt: null,
    };
    status.partner = {
      name: 'lb-b',
      host: 'fd00::12',
      port: 6974,
      fingerprint: 'SHA256:x',
      seen: false,
      lastSeenAt: '2025-03-01T11:50:00Z',
    };
    status.squares[1] = { unit: 'HA2', colour: 'red', active: false, sentence: 'lb-b; unreachable' };
    status.files = [
      { file: 'ha.json', path: 'ha', reason: 'virtualId must be <= 255', code: 'invalid-value' },
      { file: 'a.json', path: 'a', reason: 'a.json, line 1, column 2: this is not JSON.', code: 'bad-json' },
    ];
    status.warnings = [
      {
        code: 'low-virtual-id',
        path: 'ha/virtualId',
        message: '7 is often taken',
        hint: 'Choose one above 10.',
      },
    ];
    assert.equal(
      formatStatus(status, NOW, plain),
      `[A] HA1 green    this unit; up, active
[!] HA2 red      lb-b; unreachable

unit      lb-a, HA first mode, active, 10.0.0.11, running for 2 h
revision  41, epoch 3, 312 shared records, digest 9f2c4a6b8d0e
partner   lb-b at [fd00::12]:6974, not seen (last seen 10 min ago)
sync      unreachable: lb-b does not answer.
          hint: Is it switched on?

If the active failed now, these changes would be missing (3 revisions, 7 records):
  44  anna, 2 min ago: new shop
  and 2 more

2 files under config/ that the unit did not take or could not write:
  ha.json: virtualId must be <= 255
  a.json, line 1, column 2: this is not JSON.
hint: mend the file and save it, take it with lockstep mirror adopt FILE, or give it up with lockstep mirror restore FILE

1 warning:
  ha/virtualId: 7 is often taken
    Choose one above 10.`,
    );
    assert.equal(exitCodeOf(status), 1);
  });

  it('has a square for every colour, to be told apart without colours too', () => {
    const square = (colour: Status['squares'][number]['colour'], active = false) =>
      formatSquare({ unit: 'HA1', colour, active, sentence: 's' }, plain);
    assert.equal(square('green', true), '[A] HA1 green    s');
    assert.equal(square('green'), '[ ] HA1 green    s');
    assert.equal(square('red'), '[!] HA1 red      s');
    assert.equal(square('blue'), '[#] HA1 blue     s');
    assert.equal(square('grey'), '[-] HA1 grey     s');
    assert.equal(square('updating'), '[?] HA1 updating s');
    assert.equal(
      formatSquare({ unit: 'HA2', colour: 'green', active: true, sentence: 's' }, coloured).startsWith(
        '\u001b[30m\u001b[42m[A]',
      ),
      true,
    );
  });

  it('of a single unit has no squares and is never out of step', () => {
    const status = pairInStep();
    status.unit.mode = 'single';
    status.squares = [];
    status.unit.address = '::';
    status.partner = null;
    status.sync = {
      ...status.sync,
      state: 'single',
      inStep: null,
      lastUpdate: null,
      nextUpdateAt: null,
      sentence: 'By itself.',
    };
    assert.match(
      formatStatus(status, NOW, plain),
      /^unit +lb-a, by itself, active, every address, port 6973/,
    );
    assert.equal(exitCodeOf(status), 0);
  });

  it('ends with 1 whenever the pair is refused, split or out of sight, even if nothing is known to be missing', () => {
    for (const state of ['refused', 'both-active', 'unreachable']) {
      const status = pairInStep();
      status.sync = { ...status.sync, state, inStep: null };
      assert.equal(exitCodeOf(status), 1, state);
    }
  });

  it('lets no name from elsewhere drive the terminal', () => {
    const status = pairInStep();
    status.squares[0] = { unit: 'HA1', colour: 'green', active: true, sentence: 'evil \u001b[2J\u009b' };
    assert.doesNotMatch(formatStatus(status, NOW, plain).replaceAll('\n', ''), /\p{Cc}/u);
  });

  it('says when the next bundle is made, what became of the last, and whether any is proved', () => {
    const status = pairInStep();
    assert.doesNotMatch(formatStatus(status, NOW, plain), /^(backup|drill)/m);
    status.backup = {
      schedule: { method: 'local', nextRunAt: '2025-03-01T14:00:00Z', failures: 0 },
      lastRun: { at: '2025-03-01T11:00:00Z', name: 'a', to: '/backups/a' },
      drill: { last: null, passed: null },
    };
    const text = formatStatus(status, NOW, plain);
    assert.match(text, /^backup +local, next in 2 h.*; last made 1 h.* ago: \/backups\/a$/m);
    assert.match(text, /^drill +never passed$/m);
    status.backup = {
      schedule: { method: 'sftp', nextRunAt: '2025-03-01T12:01:00Z', failures: 1 },
      lastRun: { at: '2025-03-01T11:59:30Z', code: 'backup-target', reason: 'The host is down.' },
      drill: {
        last: { name: 'b', at: '2025-03-01T11:00:00Z', reason: 'It is damaged.' },
        passed: { name: 'a', at: '2025-03-01T10:00:00Z' },
      },
    };
    const failed = formatStatus(status, NOW, plain);
    assert.match(failed, /failed 30 s ago: The host is down\.$/m);
    assert.match(failed, /^drill +passed 2 h.* ago: a; failed 1 h.* ago$/m);
  });
});
