import assert from 'node:assert/strict';
import type { DoctorAnswer, DoctorFinding } from '../../api/contract/doctor.ts';
import { formatDoctor } from '../../cli/doctor-screen.ts';
import { plain } from '../../cli/paint.ts';

const finding = (more: Partial<DoctorFinding>): DoctorFinding => ({
  code: 'link-up',
  group: 'interfaces',
  outcome: 'ok',
  holds: 'Every link is up.',
  why: 'A unit without it serves nobody.',
  message: 'all are up',
  here: 'eth0 up',
  there: 'eth0 up',
  ...more,
});

function answer(...findings: DoctorFinding[]): DoctorAnswer {
  return {
    before: null,
    at: '2026-03-01T12:00:00Z',
    seconds: 0.14,
    unit: 'lb1',
    partner: 'lb2',
    partnerUnknown: '',
    counts: { ok: 1, warning: 0, failure: 1, 'not-checked': 0 },
    findings,
  };
}

describe('lockstep doctor', () => {
  it('shows what is well in a line, and of a failure the facts, the reason and what to type', () => {
    const failed = finding({
      outcome: 'failure',
      message: 'lb2: no link on eth0',
      there: 'eth0 down',
      hint: 'ip link show eth0',
    });
    assert.equal(
      formatDoctor(answer(finding({}), failed), plain, false),
      [
        'Interfaces',
        '  ok           Every link is up.',
        '  FAILURE      Every link is up.',
        '               lb2: no link on eth0',
        '               here: eth0 up · partner: eth0 down',
        '               why: A unit without it serves nobody.',
        '               hint: ip link show eth0',
        '',
        'lb1 and lb2: 1 failure, 1 ok, 0 not checked (0.1 s).',
      ].join('\n'),
    );
  });

  it('shows the facts of what is well too, where they are asked for', () => {
    assert.match(
      formatDoctor(answer(finding({})), plain, true),
      /is up\.\n {15}all are up\n {15}here: eth0 up · partner: eth0 up\n/,
    );
  });

  it('says why something was not checked, and once why the partner was not asked', () => {
    const unknown = finding({ outcome: 'not-checked', message: 'the partner could not be asked' });
    const text = formatDoctor(
      { ...answer(unknown), partner: null, partnerUnknown: 'It is off' },
      plain,
      false,
    );
    assert.match(text, /^ {2}not checked {2}Every link is up\. \(the partner could not be asked\)$/m);
    assert.match(text, /^lb1 alone \(It is off\): /m);
  });

  it('cannot drive the terminal with what a partner says', () => {
    const evil = finding({ outcome: 'warning', message: 'a\u001b[2J', there: '\u009b2J', hint: 'x\u0007' });
    assert.doesNotMatch(formatDoctor(answer(evil), plain, true).replaceAll('\n', ''), /\p{Cc}/u);
  });
});
