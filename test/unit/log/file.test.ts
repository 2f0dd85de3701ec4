import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LogFile } from '../../../unit/log/file.ts';
import { logFiles } from '../../../unit/log/names.ts';
import { Random } from '../../random.ts';
import { SEED } from '../../seed.ts';

const MODULE = path.join(import.meta.dirname, '../../../unit/log/file.ts');
const EXAMPLE = path.join(import.meta.dirname, '../../../examples/logrotate');
/** How often the writer is killed. */
const KILLS = Number(process.env.LOCKSTEP_KILLS ?? 5);

describe('the file of the log', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'lockstep-log-file-'));
    file = path.join(folder, 'lockstep.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const names = (): string[] => readdirSync(folder).sort();
  /** Numbers of the lines, over all files, oldest first. */
  const numbers = (): number[] =>
    logFiles(file).flatMap(each =>
      readFileSync(each, 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line).n),
    );
  const line = (n: number): string => `${JSON.stringify({ n, pad: 'x'.repeat(80) })}\n`;
  const upTo = (count: number, from = 0): number[] =>
    Array.from({ length: count }, (_, index) => from + index);

  it('is put aside before it becomes too large, and the oldest goes', () => {
    const log = new LogFile(file, { mostBytes: 1_000, files: 3 });
    for (const n of upTo(100)) log.write(line(n));
    assert.deepEqual(names(), ['lockstep.jsonl', 'lockstep.jsonl.1', 'lockstep.jsonl.2', 'lockstep.jsonl.3']);
    for (const name of names()) {
      const { size, mode } = statSync(path.join(folder, name));
      assert.ok(size <= 1_000, `${name}: ${size}`);
      assert.equal(mode & 0o777, 0o600);
    }
    const kept = numbers();
    assert.deepEqual(kept, upTo(kept.length, 100 - kept.length));
    assert.ok(kept.length >= 30);
  });

  it('is never put aside by the unit where that is somebody else’s business', () => {
    const log = new LogFile(file, { mostBytes: 0, files: 3 });
    for (const n of upTo(100)) log.write(line(n));
    assert.deepEqual(names(), ['lockstep.jsonl']);
    assert.deepEqual(numbers(), upTo(100));
  });

  it('goes on in another file of its name when it was put aside and the unit is told', () => {
    const log = new LogFile(file, { mostBytes: 0, files: 3 });
    log.write(line(0));
    renameSync(file, `${file}.1`);
    log.write(line(1));
    log.reopen();
    log.write(line(2));
    assert.equal(readFileSync(file, 'utf8'), line(2));
    assert.deepEqual(numbers(), [0, 1, 2]);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('that somebody else has put aside is not put aside again', () => {
    const log = new LogFile(file, { mostBytes: 1_000, files: 3 });
    for (const n of upTo(9)) log.write(line(n));
    renameSync(file, `${file}.1`);
    for (const n of upTo(9, 9)) log.write(line(n));
    assert.deepEqual(numbers(), upTo(18));
    assert.deepEqual(names(), ['lockstep.jsonl', 'lockstep.jsonl.1']);
  });

  it('in which a power cut left half a line takes the next one whole', () => {
    writeFileSync(file, `${line(0)}{"n":1,"pa`);
    new LogFile(file, { mostBytes: 0, files: 3 }).write(line(2));
    assert.equal(readFileSync(file, 'utf8'), `${line(0)}{"n":1,"pa\n${line(2)}`);
  });

  it('a gap that a kill left is closed, and nothing goes for it', () => {
    for (const number of [1, 3]) writeFileSync(`${file}.${number}`, line(number));
    const log = new LogFile(file, { mostBytes: 150, files: 3 });
    log.write(line(10));
    log.write(line(11));
    assert.deepEqual(numbers(), [3, 1, 10, 11]);
  });

  it('that cannot be put aside goes on growing', () => {
    mkdirSync(`${file}.1`);
    mkdirSync(path.join(`${file}.1`, 'not-empty'));
    const log = new LogFile(file, { mostBytes: 300, files: 1 });
    for (const n of upTo(10)) log.write(line(n));
    rmSync(`${file}.1`, { recursive: true });
    assert.deepEqual(numbers(), upTo(10));
    for (const n of upTo(3, 10)) log.write(line(n));
    assert.deepEqual(names(), ['lockstep.jsonl', 'lockstep.jsonl.1']);
  });

  it('names what was put aside, oldest first, by whomever', () => {
    for (const mark of ['', '.1', '.2', '.10', '-20260101', '-20260201', '.3.gz', '.old'])
      appendFileSync(`${file}${mark}`, '');
    assert.deepEqual(
      logFiles(file).map(each => path.basename(each).slice('lockstep.jsonl'.length)),
      ['-20260101', '-20260201', '.10', '.2', '.1', ''],
    );
  });

  /** Writes numbered lines as fast as it can, and rotates all the time; told over standard output what it has written. */
  function writer(from: number, files = 1_000): ChildProcess {
    const program = `import { LogFile } from ${JSON.stringify(MODULE)};
      const log = new LogFile(${JSON.stringify(file)}, { mostBytes: 2_000, files: ${files} });
      process.on('SIGHUP', () => log.reopen());
      let n = ${from};
      const go = () => {
        for (let many = 0; many < 20; many++)
          log.write(JSON.stringify({ n: n++, pad: 'x'.repeat(80) }) + '\\n');
        process.stdout.write(n + '\\n');
        setImmediate(go);
      };
      go();`;
    return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  it(`loses and doubles no line in ${KILLS} kills between any two of its steps`, async () => {
    const random = new Random(SEED);
    for (let kill = 0; kill < KILLS; kill++) {
      const before = numbers();
      const child = writer(before.length);
      let said = '';
      child.stdout?.on('data', data => {
        said += data;
      });
      await once(child.stdout as NodeJS.ReadableStream, 'data');
      await new Promise(resolve => setTimeout(resolve, random.between(0, 40)));
      child.kill('SIGKILL');
      await once(child, 'close');
      const acknowledged = Number(said.trimEnd().split('\n').at(-1));
      const now = numbers();
      assert.deepEqual(now, upTo(now.length), `kill ${kill}`);
      assert.ok(now.length >= acknowledged, `kill ${kill}: ${now.length} of ${acknowledged}`);
    }
  }).timeout(20_000 + 20_000 * KILLS);

  it('is put aside by logrotate with the example, and no line is lost or double', async function () {
    if (spawnSync('logrotate', ['--version']).error !== undefined) {
      process.stdout.write('    skipped: logrotate is not here\n');
      this.skip();
    }
    const child = spawn(
      process.execPath,
      [
        '--import',
        'tsx',
        '--input-type=module',
        '--eval',
        `import { LogFile } from ${JSON.stringify(MODULE)};
        const log = new LogFile(${JSON.stringify(file)}, { mostBytes: 0, files: 1 });
        process.on('SIGHUP', () => { log.reopen(); process.stdout.write('reopened\\n'); });
        process.on('SIGTERM', () => process.exit());
        let n = 0;
        setInterval(() => log.write(JSON.stringify({ n: n++ }) + '\\n'), 1);
        process.stdout.write('begun\\n');`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    try {
      await once(child.stdout as NodeJS.ReadableStream, 'data');
      const config = path.join(folder, 'rotate.conf');
      const state = path.join(folder, 'state');
      writeFileSync(
        config,
        readFileSync(EXAMPLE, 'utf8')
          .replace('/var/lib/lockstep/log/lockstep.jsonl', file)
          .replace('/bin/systemctl reload lockstep.service', `kill -HUP ${child.pid}`),
        { mode: 0o600 },
      );
      for (let turn = 0; turn < 3; turn++) {
        const reopened = once(child.stdout as NodeJS.ReadableStream, 'data');
        const { status, stderr } = spawnSync('logrotate', ['--force', '--state', state, config], {
          encoding: 'utf8',
        });
        assert.equal(status, 0, stderr);
        await reopened;
      }
    } finally {
      child.kill();
      await once(child, 'close');
    }
    assert.equal(logFiles(file).length, 4);
    const all = numbers();
    assert.deepEqual(all, upTo(all.length));
    for (const each of logFiles(file)) assert.equal(statSync(each).mode & 0o777, 0o600);
  }).timeout(30_000);
});
