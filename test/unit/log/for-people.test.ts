import assert from 'node:assert/strict';
import { forPeople } from '../../../unit/log/for-people.ts';

describe('the log of a unit that runs in a terminal', () => {
  it('is one short sentence a line, with what matters marked and without empty facts', () => {
    let shown = '';
    const stream = forPeople({
      write: text => {
        shown += text;
      },
    });
    const lines = [
      {
        level: 'info',
        time: '2026-01-01T12:03:44.000Z',
        revision: 7,
        digest: 'ab'.repeat(32),
        msg: 'commit',
      },
      { level: 'warn', time: '2026-01-01T12:03:45.000Z', role: 'active', msg: 'role changed' },
      {
        level: 'info',
        time: '2026-01-01T12:03:45.000Z',
        common: '',
        partner: null,
        seen: [],
        more: {},
        revision: 0,
        names: ['a', 'b', 'c', 'd'],
        reason: 'x'.repeat(400),
        msg: 'serving',
      },
      { level: 'error', time: '2026-01-01T12:03:46.000Z', reason: 'evil \u202e\u001b[2J', msg: 'lost' },
    ];
    stream.write(lines.map(line => `${JSON.stringify(line)}\n`).join(''));
    stream.write('no JSON\n');
    const times = shown.replaceAll(/^\d\d:\d\d:\d\d/gm, 'TIME').split('\n');
    assert.deepEqual(times, [
      'TIME commit: revision 7, digest abababababab',
      'TIME ! role changed: role active',
      `TIME serving: revision 0, names a b c and 1 more, reason ${'x'.repeat(300)}…`,
      'TIME !! lost: reason evil \ufffd\ufffd[2J',
      'no JSON',
      '',
    ]);
  });
});
