import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const LOG = path.join(import.meta.dirname, '../../../unit/log/log.ts');

describe('the log', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'lockstep-log-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** What a process that does this leaves in the file, and what it wrote to standard output. */
  function logged(act: string): { file: string[]; stdout: string[] } {
    const program = `import { openLog } from ${JSON.stringify(LOG)};
      const { log } = openLog(${JSON.stringify(folder)}, 'info'); ${act}`;
    const args = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const messages = (text: string): string[] =>
      text
        .trimEnd()
        .split('\n')
        .map(line => JSON.parse(line).msg);
    return {
      file: messages(readFileSync(path.join(folder, 'lockstep.jsonl'), 'utf8')),
      stdout: messages(stdout),
    };
  }

  it('has what was said in the turn in which the process exits, in order, here and there', () => {
    const { file, stdout } = logged(`log.info('one'); log.warn('two'); process.exit(0);`);
    assert.deepEqual(file, ['one', 'two']);
    assert.deepEqual(stdout, file);
  }).timeout(20_000);

  it('is written while a long turn goes on: kill -9 costs its last lines only', () => {
    const { file } = logged(
      `for (let n = 0; n < 3000; n++) log.info('line ' + n); process.kill(process.pid, 'SIGKILL');`,
    );
    assert.ok(file.length > 2000 && file.length < 3000, `${file.length} lines`);
    assert.deepEqual(
      file,
      file.map((_line, index) => `line ${index}`),
    );
  }).timeout(20_000);
});
