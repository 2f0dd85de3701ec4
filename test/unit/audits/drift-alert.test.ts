import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditReport, DriftReport } from '../../../api/contract/audits.ts';
import type { JsonObject } from '../../../schema/json.ts';
import { DriftAlert, letter } from '../../../unit/audits/drift-alert.ts';
import { DriftReports, MAX_REPORTS } from '../../../unit/audits/drift-reports.ts';
import { runHook } from '../../../unit/audits/hook.ts';
import { sendMail } from '../../../unit/audits/mail.ts';
import { keptLog } from '../log/kept-log.ts';

const REPORT: DriftReport = {
  id: 1,
  from: '2026-01-01T00:00:00.000Z',
  to: null,
  foundBy: 'the interval',
  partner: 'lb2\nBcc: all@site.example',
  own: 'a'.repeat(64),
  theirs: 'b'.repeat(64),
  records: 2,
  counts: { missed: 2 },
  findings: [{ path: 'hosts/a', class: 'missed', on: 'b', by: 'ada' }],
};

/** Takes one letter, as a mail server does; resolves to the envelope and the text. */
async function mailServer(): Promise<{ server: Server; port: number; letter: Promise<string> }> {
  let done: (text: string) => void;
  const letterCame = new Promise<string>(resolve => {
    done = resolve;
  });
  const server = createServer(socket => {
    let text = '';
    let inData = false;
    socket.write('220 here\r\n');
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (inData && !text.endsWith('\r\n.\r\n')) return;
      if (inData) done(text);
      inData = /^DATA/m.test(chunk);
      socket.write(inData ? '354 go on\r\n' : '250 good\r\n');
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as { port: number }).port, letter: letterCame };
}

describe('an alert of drift', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-alert-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function hook(text: string): void {
    writeFileSync(join(folder, 'tell'), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, 'tell'), 0o700);
  }

  function alert(records: Record<string, JsonObject>, send = sendMail) {
    const { log, lines } = keptLog();
    const read = async (path: string) => records[path];
    const run = (name: string, facts: object, ms: number) => runHook(folder, name, facts, ms);
    return {
      alert: new DriftAlert({ read, runHook: run, sendMail: send, self: () => ({ name: 'lb1' }), log }),
      lines,
    };
  }

  it('goes to nobody where nobody is named', async () => {
    const { alert: quiet, lines } = alert({});
    quiet.tell('found', REPORT);
    await quiet.settled();
    assert.deepEqual(lines, []);
  });

  it('goes to a hook: facts on standard input, nothing in its arguments', async () => {
    hook('cat > facts; echo "$#" > arguments');
    const { alert: told, lines } = alert({ driftAlert: { hook: 'tell' } });
    told.tell('found', REPORT);
    await told.settled();
    assert.deepEqual(lines, []);
    const facts = JSON.parse(readFileSync(join(folder, 'facts'), 'utf8'));
    assert.deepEqual(facts, { event: 'found', unit: 'lb1', ...REPORT });
    assert.equal(readFileSync(join(folder, 'arguments'), 'utf8'), '0\n');
  });

  it('tells when a hook fails, is not there, or may be replaced by others', async () => {
    hook('exit 3');
    await assert.rejects(runHook(folder, 'tell', {}, 5000), { code: 'hook-failed', message: /ended with 3/ });
    await assert.rejects(runHook(folder, 'other', {}, 5000), { code: 'hook-failed', message: /not there/ });
    chmodSync(join(folder, 'tell'), 0o777);
    await assert.rejects(runHook(folder, 'tell', {}, 5000), { code: 'lax-permissions' });
    const { alert: told, lines } = alert({ driftAlert: { hook: 'tell' } });
    told.tell('found', REPORT);
    await told.settled();
    assert.equal(lines[0]?.level, 'error');
  });

  it('ends a hook that takes too long, with all that it has started', async () => {
    hook('sleep 600 & echo $! > child; wait');
    await assert.rejects(runHook(folder, 'tell', {}, 1000), {
      code: 'hook-failed',
      message: /longer than 1 s/,
    });
    const child = Number(readFileSync(join(folder, 'child'), 'utf8'));
    const state = (): string => {
      try {
        return readFileSync(`/proc/${child}/stat`, 'utf8').split(') ')[1]?.[0] ?? '';
      } catch {
        return 'gone';
      }
    };
    while (!['gone', 'Z'].includes(state())) await new Promise(resolve => setImmediate(resolve));
  });

  it('goes by e-mail, by the mail server of the unit', async () => {
    const { server, port, letter: came } = await mailServer();
    try {
      const email = { enabled: true, server: '127.0.0.1', port, domain: 'site.example' };
      const { alert: told, lines } = alert({ driftAlert: { recipients: ['ops@site.example'] }, email });
      told.tell('found', REPORT);
      const text = (await came).replaceAll('=\r\n', '');
      await told.settled();
      assert.deepEqual(lines, []);
      assert.match(text, /MAIL FROM:<lockstep@site\.example>[\s\S]*RCPT TO:<ops@site\.example>/);
      assert.match(text, /Subject: Lockstep: drift between lb1 and lb2/);
      assert.match(text, /hosts\/a: missed, by ada/);
      assert.doesNotMatch(text, /^Bcc:/m);
    } finally {
      server.close();
    }
  });

  it('says so when e-mail is not set up, or not taken', async () => {
    const { alert: unset, lines } = alert({ driftAlert: { recipients: ['ops@site.example'] } });
    unset.tell('found', REPORT);
    await unset.settled();
    assert.match(lines[0]?.message ?? '', /not told by e-mail/);
    mkdirSync(join(folder, 'none'));
    const refusing = alert(
      {
        driftAlert: { recipients: ['ops@site.example'] },
        email: { enabled: true, server: 'mail.site.example' },
      },
      async () => Promise.reject(new Error('550 no')),
    );
    refusing.alert.tell('gone', { ...REPORT, to: '2026-01-01T00:02:00.000Z' });
    await refusing.alert.settled();
    assert.match(JSON.stringify(refusing.lines), /550 no/);
  });

  it('says when it is over', () => {
    const { subject, text } = letter('gone', 'lb1', { ...REPORT, to: '2026-01-01T00:02:00.000Z' });
    assert.match(subject, /in step again/);
    assert.match(text, /gone since 2026-01-01T00:02/);
  });
});

describe('the book of drift', () => {
  const end = {
    is: 'unit',
    name: 'lb1',
    role: 'active',
    revision: 1,
    digest: 'd',
    epoch: 1,
    release: '1',
  } as const;
  const audit = (at: string, ...paths: string[]): AuditReport => ({
    at,
    a: end,
    b: { ...end, name: 'lb2' },
    verdict: 'drift',
    counts: {},
    findings: paths.map(path => ({ path, class: 'missed', fields: [{ field: 'address', a: 'secret-ish' }] })),
    more: 0,
    exchanges: 4,
    ms: 1,
    settled: true,
  });

  async function open(kept: Map<string, unknown>): Promise<DriftReports> {
    return DriftReports.open({
      readLocal: async <T>(name: string) => structuredClone(kept.get(name)) as T | undefined,
      writeLocal: async (name, value) => void kept.set(name, value),
    });
  }

  it('keeps when drift came and went, across a restart, without values', async () => {
    const kept = new Map<string, unknown>();
    const book = await open(kept);
    assert.equal((await book.raise(audit('t1', 'hosts/a'), 'the interval')).fresh, true);
    assert.equal((await book.raise(audit('t2', 'hosts/a', 'hosts/b'), 'the interval')).fresh, false);
    const again = await open(kept);
    assert.deepEqual([again.open?.from, again.open?.records, again.reports.length], ['t1', 2, 1]);
    assert.match(again.warnings()[0]?.message ?? '', /hosts\/a \(missed\) and 1 more/);
    assert.doesNotMatch(JSON.stringify([...kept.values()]), /secret-ish/);
    await again.clear('t3');
    assert.deepEqual(
      [again.reports[0]?.to, again.warnings(), await again.clear('t4')],
      ['t3', [], undefined],
    );
  });

  it(`keeps ${MAX_REPORTS} reports, the newest first`, async () => {
    const book = await open(new Map());
    for (let number = 1; number <= MAX_REPORTS + 5; number++) {
      await book.raise(audit(`t${number}`, 'hosts/a'), 'the interval');
      await book.clear('later');
    }
    assert.deepEqual([book.reports.length, book.reports[0]?.id], [MAX_REPORTS, MAX_REPORTS + 5]);
  });

  it('remembers when a finding was first seen, until it is gone', async () => {
    const book = await open(new Map());
    const seen = async (at: string, ...paths: string[]) =>
      (await book.seen(audit(at, ...paths))).findings.map(({ firstSeen }) => firstSeen);
    assert.deepEqual(await seen('t1', 'hosts/a'), ['t1']);
    assert.deepEqual(await seen('t2', 'hosts/a', 'hosts/b'), ['t1', 't2']);
    await seen('t3');
    assert.deepEqual(await seen('t4', 'hosts/a'), ['t4']);
  });
});
