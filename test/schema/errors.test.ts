import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT_OF_CLASS } from '../../cli/exit.ts';
import { asLockstepError, ERROR_CODES, LockstepError } from '../../schema/error.ts';
import { RULES } from '../../schema/rules/index.ts';
import { ROOMS } from '../rooms.ts';

const LIST = join('schema', 'error.ts');

/** All sources of the product but the list of codes itself. */
function sources(): { file: string; text: string }[] {
  return ROOMS.flatMap(room =>
    readdirSync(room, { recursive: true, encoding: 'utf8' })
      .map(name => join(room, name))
      .filter(file => file.endsWith('.ts')),
  ).map(file => {
    const text = readFileSync(file, 'utf8');
    return { file, text: file === LIST ? text.slice(text.indexOf('} as const')) : text };
  });
}

describe('the codes of errors', () => {
  it('are each used, and each one that is used is listed', () => {
    const text = sources()
      .map(source => source.text)
      .join('\n');
    const unused = Object.keys(ERROR_CODES).filter(code => !text.includes(`'${code}'`));
    assert.deepEqual(unused, []);
    const thrown = [...text.matchAll(/new LockstepError\(\s*'([^']+)'/g)].map(match => String(match[1]));
    assert.ok(thrown.length > 50);
    assert.deepEqual(
      thrown.filter(code => !Object.hasOwn(ERROR_CODES, code)),
      [],
    );
  });

  it('are words with hyphens, and not the codes of rules', () => {
    for (const code of Object.keys(ERROR_CODES)) assert.match(code, /^[a-z]+(-[a-z]+)*$/);
    assert.deepEqual(
      RULES.filter(({ code }) => Object.hasOwn(ERROR_CODES, code)),
      [],
    );
  });

  it('each have an exit code', () => {
    for (const { class: its } of Object.values(ERROR_CODES))
      assert.equal(typeof EXIT_OF_CLASS[its], 'number');
  });

  it('point to documents that there are', () => {
    for (const { file, text } of sources())
      for (const [, document] of text.matchAll(/\b((?:docs|sync)\/[A-Z]+\.md)\b/g))
        assert.ok(existsSync(String(document)), `${file}: ${document}`);
  });
});

describe('an error', () => {
  it('crosses the API with its code, class, sentence, hint and facts', () => {
    const error = new LockstepError('conflict', 'Look again.', { hint: 'Now.', facts: { revision: 3 } });
    assert.deepEqual(JSON.parse(JSON.stringify(error)), {
      code: 'conflict',
      class: 'refused',
      message: 'Look again.',
      hint: 'Now.',
      facts: { revision: 3 },
    });
    assert.deepEqual(JSON.parse(JSON.stringify(new LockstepError('internal', 'x'))), {
      code: 'internal',
      class: 'damaged',
      message: 'x',
    });
  });

  it('of the disk is told as such, and any other fault as ours', () => {
    const full = asLockstepError(
      Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
    );
    assert.deepEqual([full.code, full.facts.errno], ['disk', 'ENOSPC']);
    for (const fault of [new TypeError('x is undefined'), 'text', undefined, null, 3, { code: 7 }])
      assert.equal(asLockstepError(fault).code, 'internal');
    assert.equal(asLockstepError(full), full);
  });
});
