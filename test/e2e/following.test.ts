import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Status } from '../../api/contract/status.ts';
import { freshBuild } from './build.ts';
import { TestUnit, temporaryFolder } from './daemon.ts';

describe('who follows a unit from a terminal', function () {
  this.timeout(60_000);
  const { folder, remove } = temporaryFolder();
  const unit = new TestUnit(`${folder}/one`, '127.0.114.1');
  const running: ChildProcess[] = [];

  before(async () => {
    await unit.init({ mode: 'single', name: 'lb1' });
    await unit.start();
  });
  after(async () => {
    for (const child of running) child.kill('SIGKILL');
    await unit.stop();
    remove();
  });

  /** What a command prints, line by line. */
  function linesOf(...args: string[]): {
    next(): Promise<Record<string, never>>;
    end(): Promise<number | null>;
  } {
    const child = spawn(process.execPath, [freshBuild(), '--dir', unit.dir, '--json', ...args]);
    running.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      next: async () => JSON.parse((await lines.next()).value as string),
      end: () => {
        child.kill('SIGINT');
        return new Promise(resolve => child.once('exit', resolve));
      },
    };
  }
  const put = (name: string) =>
    unit.api.call('change', {
      changes: [{ op: 'put', path: `hosts/${name}`, value: { address: '10.0.0.1' } }],
      reason: name,
    });

  it('sees the status when it changes, and ends with Ctrl-C', async () => {
    const watch = linesOf('status', '--watch');
    const first = (await watch.next()) as unknown as Status;
    await put('a');
    const second = (await watch.next()) as unknown as Status;
    assert.equal(second.unit.revision, first.unit.revision + 1);
    assert.equal(await watch.end(), 0);
  });

  it('sees each change of a part, the last ones first, also across a restart of the unit', async () => {
    const history = linesOf('history', '--follow', 'hosts');
    assert.equal((await history.next()).reason, 'a');
    await put('b');
    assert.equal((await history.next()).reason, 'b');
    await unit.stop();
    await unit.start();
    await put('c');
    assert.equal((await history.next()).reason, 'c');
    assert.equal(await history.end(), 0);
  });
});
