import assert from 'node:assert/strict';
import type { AddCertificateAnswer } from '../../api/contract/certificates.ts';
import type { ChangeAnswer } from '../../api/contract/changes.ts';
import type { Description } from '../../api/contract/configuration.ts';
import { formatChanges } from '../../cli/changes.ts';
import { formatAdded } from '../../cli/commands/certs/add.ts';
import { formatInvitation } from '../../cli/commands/pair.ts';
import { authorName } from '../../cli/context.ts';
import { formatError } from '../../cli/error-text.ts';
import { formatHost, parseHost } from '../../cli/host-argument.ts';
import { withLeftOut } from '../../cli/left-out.ts';
import { plain } from '../../cli/paint.ts';
import { formatTable } from '../../cli/table.ts';
import { ago, span, until } from '../../cli/time.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';

describe('an error on the terminal', () => {
  it('is a sentence and what to do next', () => {
    const error = new LockstepError('not-active', 'This unit is standby.', {
      hint: 'Type it on the active unit.',
    });
    assert.equal(
      formatError(error, plain),
      'lockstep: This unit is standby.\nhint: Type it on the active unit.\n',
    );
  });

  it('lists the first 20 of many problems, each with its place', () => {
    const problems = Array.from({ length: 50 }, (_none, index) => ({
      code: 'invalid-value',
      path: `hosts/h${index}`,
      message: 'no',
      hint: 'Mend it.',
    }));
    const text = formatError(
      new LockstepError('invalid-change', 'The change breaks 60 rules.', { facts: { problems, count: 60 } }),
      plain,
    );
    assert.match(text, /^lockstep: The change breaks 60 rules\.\n {2}hosts\/h0: no\n {4}Mend it\.\n/);
    assert.match(text, / {2}hosts\/h19: no\n {4}Mend it\.\n {2}and 40 more\n$/);
  });

  it('names the file that the system refuses', () => {
    const told = (code: string) =>
      asLockstepError(
        Object.assign(new Error(`${code}: something`), { code, path: '/no/such/file', syscall: 'open' }),
      );
    assert.deepEqual(
      ['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EISDIR'].map(code => [told(code).code, told(code).message]),
      [
        ['no-permission', 'This user may not use /no/such/file.'],
        ['no-permission', 'This user may not use /no/such/file.'],
        ['no-such-file', 'There is no /no/such/file.'],
        ['no-such-file', 'A part of /no/such/file is not a folder.'],
        ['no-such-file', '/no/such/file is a folder, not a file.'],
      ],
    );
    assert.equal(told('EMFILE').code, 'internal');
  });

  it('says a single problem once', () => {
    const facts = {
      problems: [{ code: 'invalid-value', path: 'ha/virtualId', message: 'must be <= 255' }],
      count: 1,
    };
    assert.equal(
      formatError(new LockstepError('invalid-value', 'ha/virtualId: must be <= 255.', { facts }), plain),
      'lockstep: ha/virtualId: must be <= 255.\n',
    );
  });

  it('cannot drive the terminal', () => {
    const error = new LockstepError('bad-id', 'evil \u001b]0;x\u0007', { hint: '\u009b2J' });
    assert.doesNotMatch(formatError(error, plain).replaceAll('\n', ''), /\p{Cc}/u);
  });
});

describe('what a change says', () => {
  const answer: ChangeAnswer = {
    revision: 12,
    digest: 'd',
    dryRun: false,
    counts: { added: 1, changed: 1, removed: 0 },
    changes: [
      { path: 'hosts/a', change: 'added', after: {} },
      {
        path: 'ha',
        change: 'changed',
        before: { virtualId: 1, mode: 'first' },
        after: { virtualId: 2, mode: 'first' },
      },
    ],
  };

  it('is the revision, the records, and the fields', () => {
    assert.equal(
      formatChanges(answer, plain),
      'Revision 12: 1 added, 1 changed.\n  + hosts/a\n  ~ ha  (virtualId)',
    );
  });

  it('is the first 20 of many', () => {
    const changes = Array.from({ length: 30 }, (_none, index) => ({
      path: `hosts/h${index}`,
      change: 'removed' as const,
      before: {},
    }));
    const text = formatChanges(
      { ...answer, counts: { added: 0, changed: 0, removed: 5000 }, changes },
      plain,
    );
    assert.match(text, /^Revision 12: 5000 removed\.\n {2}- hosts\/h0\n/);
    assert.match(text, / {2}- hosts\/h19\n {2}and 4980 more$/);
  });

  it('never looks like a change when it was a dry run or nothing at all', () => {
    assert.match(formatChanges({ ...answer, dryRun: true }, plain), /^Dry run, nothing was changed\./);
    const none = { ...answer, counts: { added: 0, changed: 0, removed: 0 }, changes: [] };
    assert.equal(formatChanges(none, plain), 'Nothing changed: revision 12 stands.');
  });
});

describe('the name of the other unit', () => {
  it('may have a port, and may be an IPv6 address', () => {
    assert.deepEqual(parseHost('10.0.0.11'), { host: '10.0.0.11' });
    assert.deepEqual(parseHost('ha1.example:6974'), { host: 'ha1.example', port: 6974 });
    assert.deepEqual(parseHost('[fd00::1]:6974'), { host: 'fd00::1', port: 6974 });
    assert.deepEqual(parseHost('fd00::1'), { host: 'fd00::1' });
    assert.deepEqual(parseHost('::1'), { host: '::1' });
    assert.deepEqual(parseHost('[::1]'), { host: '::1' });
    assert.deepEqual(parseHost('fe80::1%eth0'), { host: 'fe80::1%eth0' });
    // What one means by a port without brackets.
    assert.deepEqual(parseHost('::1:7001'), { host: '::1', port: 7001 });
    assert.deepEqual(parseHost('fd00::11:6973'), { host: 'fd00::11', port: 6973 });
    assert.deepEqual(parseHost('fd00::11:16973'), { host: 'fd00::11', port: 16973 });
    assert.deepEqual(parseHost('fd00::11:7001'), { host: 'fd00::11:7001' });
    for (const text of ['', 'a:0', 'a:70000', 'a:b', '[fd00::1', ':6973'])
      assert.throws(() => parseHost(text), { code: 'bad-usage' }, text);
  });

  it('is printed so that it can be typed', () => {
    const invitation = {
      code: 'CODE',
      fingerprint: 'SHA256:x',
      expiresAt: '2025-03-01T12:10:00Z',
      host: 'fd00::1',
      port: 6974,
    };
    const text = formatInvitation(invitation, new Date('2025-03-01T12:00:00Z'));
    assert.match(text, /^ {2}lockstep pair '\[fd00::1\]:6974' --code CODE$/m);
    assert.match(text, /\(in 10 min\)/);
    assert.equal(formatHost('10.0.0.11', 6973), '10.0.0.11');
    assert.match(
      formatInvitation({ ...invitation, host: '::' }, new Date()),
      /pair ADDRESS-OF-THIS-UNIT:6974 --code/,
    );
  });
});

describe('a group that was taken out of an edited text', () => {
  const describePath = async (path: string): Promise<Description> => ({
    path,
    type: path === 'ha' ? 'record' : 'group',
    secret: false,
    next: [],
  });

  it('is emptied', async () => {
    assert.deepEqual(await withLeftOut({ ha: {}, hosts: { a: {} } }, { ha: {} }, describePath), {
      ha: {},
      hosts: {},
    });
  });

  it('is refused when it was a single record, with what to type', async () => {
    await assert.rejects(withLeftOut({ ha: {}, hosts: {} }, { hosts: {} }, describePath), {
      code: 'bad-usage',
      hint: /lockstep unset ha/,
    });
  });
});

describe('times, tables and names', () => {
  it('say how long in words', () => {
    assert.equal(span(-34_559_996_366), '0 ms');
    assert.deepEqual([0, 900, 48_000, 125_000, 11_400_000, 352_800_000].map(span), [
      '0 ms',
      '900 ms',
      '48 s',
      '2 min 5 s',
      '3 h 10 min',
      '4 d 2 h',
    ]);
    const now = new Date('2025-03-01T12:00:00Z');
    assert.equal(ago('2025-03-01T12:00:05Z', now), '0 ms ago');
    assert.equal(until('2025-03-01T11:59:00Z', now), 'now');
  });

  it('stand in columns', () => {
    const text = formatTable(
      ['REVISION', 'REASON'],
      [
        [7, 'a'],
        [12, 'two\nlines \u001b[2J'],
      ],
      plain,
    );
    assert.equal(text, 'REVISION  REASON\n       7  a\n      12  two lines \ufffd[2J');
  });

  it('name the person behind sudo', () => {
    assert.equal(authorName({ SUDO_USER: 'anna' }), 'anna');
    assert.notEqual(authorName({}), '');
  });
});

describe('a certificate that was added', () => {
  it('is told with each warning once', () => {
    const warning = {
      code: 'certificate-name',
      path: 'certificates/shop',
      message: 'a common name only',
      hint: 'Ask.',
    };
    const certificate = { names: [], subject: 'CN=shop', issuer: 'CN=ca', daysLeft: 89 };
    const answer = { ...done(), certificate, warnings: [warning] } as unknown as AddCertificateAnswer;
    assert.equal(formatAdded(answer, plain).match(/a common name only/g)?.length, 1);
  });

  function done(): ChangeAnswer {
    const counts = { added: 1, changed: 0, removed: 0 };
    return { revision: 2, digest: 'd', dryRun: false, counts, changes: [] };
  }
});
