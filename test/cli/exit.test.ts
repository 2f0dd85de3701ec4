import assert from 'node:assert/strict';
import { HTTP_STATUS } from '../../api/errors.ts';
import { EXIT, EXIT_OF_CLASS } from '../../cli/exit.ts';
import { ERROR_CODES } from '../../schema/error.ts';

describe('exit codes', () => {
  it('are the ones that scripts rely on', () => {
    assert.deepEqual(EXIT, { done: 0, differs: 1, usage: 2, refused: 3, unreachable: 4, damaged: 5 });
  });

  it('are given to every error that there is, never "done" or "differs"', () => {
    for (const [code, { class: of }] of Object.entries(ERROR_CODES)) {
      assert.ok(EXIT_OF_CLASS[of] >= 2, code);
      assert.ok(HTTP_STATUS[of] >= 400, code);
    }
  });

  it('tell apart a mistyped command, a refusal, a dead unit and a damaged store', () => {
    const exitOf = (code: keyof typeof ERROR_CODES): number => EXIT_OF_CLASS[ERROR_CODES[code].class];
    assert.equal(exitOf('bad-usage'), 2);
    assert.equal(exitOf('conflict'), 3);
    assert.equal(exitOf('unknown-path'), 3);
    assert.equal(exitOf('unit-busy'), 3);
    assert.equal(exitOf('unit-unreachable'), 4);
    assert.equal(exitOf('partner-unreachable'), 4);
    assert.equal(exitOf('damaged-store'), 5);
  });
});
