import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Report } from '../../audit/explain/explain.ts';
import { command as explain } from '../../cli/commands/explain.ts';
import type { Context } from '../../cli/context.ts';
import { Output } from '../../cli/output.ts';

/** What is printed goes nowhere but here. */
class Kept extends Output {
  text = '';
  report: Report | undefined;

  override answer<Answer>(answer: Answer, text: (answer: Answer) => string): void {
    this.report = answer as unknown as Report;
    this.text = text(answer);
  }
}

async function explained(...words: string[]): Promise<{ code: number; out: Kept }> {
  const out = new Kept({ json: false, color: false });
  const code = await explain.run({ out } as unknown as Context, {}, words);
  return { code, out };
}

describe('lockstep explain', () => {
  it('says what happened, likely causes in order, and what to look at', async () => {
    const { code, out } = await explained('ucarp[3]: [WARNING] Bad TTL');
    assert.equal(code, 0);
    assert.match(out.text, /^ucarp\[3\].*\nA CARP packet came from another network.* \(ucarp: Bad TTL\)\n/);
    assert.match(out.text, /\nLikely causes, in order:\n {2}1\. .+\n {2}2\. .+\nWhat to look at:\n {2}1\. /);
  });

  it('takes a line in words that were not quoted', async () => {
    assert.equal((await explained('Switching', 'to', 'state:', 'Active')).code, 0);
  });

  it('says that it does not know a line, with exit code 1', async () => {
    const { code, out } = await explained('the cat sat on the mat \u001b[2J');
    assert.equal(code, 1);
    assert.match(out.text, /^Nothing is known about this: the cat sat/);
    assert.ok(!out.text.includes('\u001b'));
  });

  it('says that there is no such file, where the word looks like one', async () => {
    for (const word of [
      '/var/log/nothing-here',
      './nothing',
      '../a/b.txt',
      '~/x',
      'logs/nothing',
      'nothing.log',
    ])
      await assert.rejects(explained(word), { code: 'bad-usage', message: `There is no ${word}.` });
    for (const word of ['key-mismatch', 'nonsense', 'state=MASTER', 'and/or nothing']) await explained(word);
  });

  it('reads a file, and counts what is not known in it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-explain-'));
    try {
      const file = join(folder, 'log');
      writeFileSync(
        file,
        '{"level":"warn","code":"disk","msg":"updates paused"}\nwhatever\nBad TTL\nBad TTL\n',
      );
      const { code, out } = await explained(file);
      assert.equal(code, 0);
      assert.deepEqual(
        out.report?.explained.map(({ about, count }) => [about, count]),
        [
          ['updates paused', 1],
          ['disk', 1],
          ['Bad TTL', 2],
        ],
      );
      assert.match(out.text, /Bad TTL, 2 times/);
      assert.match(out.text, /Nothing is known about 1 more line\.$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
