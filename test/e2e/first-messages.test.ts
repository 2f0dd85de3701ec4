/** What somebody is told who begins wrong: with an old Node.js, as another user, with a word mistyped. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freshBuild } from './build.ts';
import { temporaryFolder } from './daemon.ts';

describe('who begins wrong is told what to do', function () {
  this.timeout(30_000);
  const { folder, remove } = temporaryFolder();
  after(remove);

  function run(
    args: string[],
    node: string[] = [],
    before: string[] = [],
  ): Promise<{ code: number; said: string }> {
    const [program = '', ...rest] = [...before, process.execPath, ...node, freshBuild(), ...args];
    return new Promise(resolve =>
      execFile(program, rest, { env: { PATH: process.env.PATH, HOME: folder } }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), said: stdout + stderr }),
      ),
    );
  }

  it('with a Node.js that is too old', async () => {
    const old = path.join(folder, 'old.cjs');
    writeFileSync(
      old,
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } });",
    );
    const { code, said } = await run(['--version'], ['--require', old]);
    assert.match(
      said,
      /^lockstep: This is Node\.js 18\.20\.4; Lockstep needs 20\.19 or newer\.\nhint: .*\n$/,
    );
    assert.equal(code, 2);
  });

  it('as a user who may not look: what cannot be seen is not told as absent', async () => {
    const closed = path.join(folder, 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0);
    // Root looks everywhere, but for the rights that are taken away here.
    const before =
      process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : [];
    const told =
      /^lockstep: This user may not (use|talk to the unit in) \/\S*\/closed\/unit\S*\.\nhint: Type the command as the user/;
    for (const [args, exit] of [
      [['init', '--mode', 'single'], 3],
      [['serve'], 3],
      [['status'], 4],
    ] as const) {
      const { code, said } = await run(['--dir', path.join(closed, 'unit'), ...args], [], before);
      assert.match(said, told, args[0]);
      assert.equal(code, exit);
    }
    chmodSync(closed, 0o700);
  });

  it('with the version as JSON', async () => {
    const { said } = await run(['--json', '--version']);
    assert.match(said, /^\{"version":"\d+\.\d+\.\d+"\}\n$/);
  });
});
