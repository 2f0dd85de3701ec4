/** Types every line of docs/FIRST-DAY.md, in order, and compares what comes out with what stands there. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { freshBuild } from './build.ts';
import { temporaryFolder } from './daemon.ts';

const DOCUMENT = new URL('../../docs/FIRST-DAY.md', import.meta.url);
/** Of the document, and of this machine. */
const [THERE, HERE] = ['10.20.0.1', '127.0.88.1'];

interface Typed {
  unit: string;
  command: string;
  shows: string[];
}

/** The commands of all console blocks, each with the lines that follow it. */
function transcript(): Typed[] {
  const typed: Typed[] = [];
  for (const [, block = ''] of readFileSync(DOCUMENT, 'utf8').matchAll(/```console\n([\s\S]*?)```/g))
    for (const line of block.trimEnd().split('\n')) {
      const [, unit, command] = /^(ha[12])# (.*)$/.exec(line) ?? [];
      if (unit !== undefined && command !== undefined) typed.push({ unit, command, shows: [] });
      else if (line !== '') typed.at(-1)?.shows.push(line);
    }
  return typed;
}

/** `…` is anything, and how wide the columns of a table are does not matter. */
function pattern(line: string): RegExp {
  const parts = line
    .split('…')
    .map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/ +/g, ' +'));
  return new RegExp(`^${parts.join('.*')}$`);
}

describe('the first day', function () {
  this.timeout(120_000);
  const { folder, remove } = temporaryFolder();
  const daemons: ChildProcess[] = [];
  let code = '';

  before(() => {
    mkdirSync(path.join(folder, 'bin'));
    const lockstep = path.join(folder, 'bin', 'lockstep');
    writeFileSync(lockstep, `#!/bin/sh\nexec '${process.execPath}' '${freshBuild()}' "$@"\n`);
    chmodSync(lockstep, 0o755);
    for (const unit of ['ha1', 'ha2']) mkdirSync(path.join(folder, unit));
  });
  after(async () => {
    for (const daemon of daemons) {
      const gone = once(daemon, 'exit');
      daemon.kill('SIGTERM');
      await gone;
    }
    remove();
  });

  function start(unit: string, command: string): ChildProcess {
    const here = command.replaceAll(THERE, HERE).replaceAll('CODE', code);
    return spawn('sh', ['-c', `${here.startsWith('lockstep serve') ? 'exec ' : ''}${here}`], {
      cwd: path.join(folder, unit),
      env: {
        ...process.env,
        PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`,
        LOCKSTEP_DIR: path.join(folder, unit, 'unit'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async function serve(unit: string, command: string): Promise<void> {
    // On a slow machine the day would meet an update that comes by itself.
    const daemon = start(unit, `${command} --interval 3600`);
    daemons.push(daemon);
    const lines = createInterface({ input: daemon.stdout as NodeJS.ReadableStream });
    for await (const line of lines) if (line.includes('"serving"')) break;
    daemon.stdout?.resume();
  }

  async function run(unit: string, command: string): Promise<string> {
    const child = start(unit, command);
    const [out, err] = await Promise.all([text(child.stdout as never), text(child.stderr as never)]);
    return `${err}${out}`.replaceAll(HERE, THERE);
  }

  for (const { unit, command, shows } of transcript())
    it(`${unit}# ${command}`, async () => {
      if (command.endsWith(' &')) return serve(unit, command.slice(0, -2));
      const said = await run(unit, command);
      code = / --code (\S+)/.exec(said)?.[1] ?? code;
      const lines = said.split('\n').map(line => line.trimEnd());
      let at = 0;
      for (const line of shows) {
        const found = lines.findIndex((each, index) => index >= at && pattern(line).test(each));
        assert.notEqual(found, -1, `this is missing, or not in its place:\n${line}\n\nwhat came:\n${said}`);
        at = found + 1;
      }
    });
});
