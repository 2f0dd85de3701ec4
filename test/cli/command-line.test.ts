import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from '../../cli/commands.ts';
import { buildProgram, parseCommandLine } from '../../cli/program.ts';

describe('the command line', () => {
  it('says what is wrong with it, and what was meant', async () => {
    const cases: [string[], RegExp, RegExp][] = [
      [['stauts'], /Unknown command 'stauts'/, /Did you mean status\?/],
      [['set'], /Missing required argument 'path'/, /lockstep set --help/],
      [['takeover', '--forec'], /Unknown option '--forec'/, /Did you mean --force\?/],
      [['init', '--mode', 'third'], /argument 'third' is invalid/, /lockstep init --help/],
      [['history', '--limit', '0'], /--limit must be a whole number from 1 to 10000/, /^$/],
      [['rollback', '-1'], /whole number of 0 or more, not "-1"/, /^$/],
      [['diff', '1', '2', '3'], /Too many arguments/, /lockstep diff --help/],
      [
        ['init', '--unit', 'ha1', '--mode', 'single'],
        /lockstep init works on a directory of this/,
        /Type it there/,
      ],
      [['--unit', 'ha1', 'serve'], /lockstep serve works on a directory of this/, /Type it there/],
      [['--unit', 'ha1', '--dir', '/tmp/x', 'status'], /Name one unit/, /^$/],
    ];
    for (const [argv, message, hint] of cases) {
      await assert.rejects(
        parseCommandLine(argv),
        (error: { code: string; message: string; hint?: string }) => {
          assert.equal(error.code, 'bad-usage', argv.join(' '));
          assert.match(error.message, message);
          assert.match(error.hint ?? '', hint);
          return true;
        },
      );
    }
  });

  it('says its version as JSON too', async () => {
    for (const argv of [
      ['--json', '--version'],
      ['--version', '--json'],
    ])
      assert.equal((await parseCommandLine(argv))?.out.json, true, argv.join(' '));
  });

  it('names what must be given in the first line of the help', async () => {
    const program = await buildProgram(['pause', 'init', 'set', 'merge']);
    const usageOf = (name: string) => program.commands.find(command => command.name() === name)?.usage();
    assert.equal(usageOf('pause'), '[options] --reason <text>');
    assert.equal(usageOf('init'), '[options] --mode <mode>');
    assert.equal(usageOf('set'), '[options] <path> [value]');
    assert.equal(usageOf('merge'), '[options] <branch>');
  });

  it('takes the global options before and after the command', async () => {
    for (const argv of [
      ['--json', '--dir', '/tmp/x', 'status'],
      ['status', '--json', '--dir', '/tmp/x'],
    ]) {
      assert.equal((await parseCommandLine(argv))?.out.json, true);
    }
  });

  it('has for every command a summary, help, and examples that name it', async () => {
    const program = await buildProgram(Object.keys(COMMANDS));
    for (const [name, entry] of Object.entries(COMMANDS)) {
      const { command } = await entry.load();
      assert.ok(entry.summary.length > 5, name);
      if (entry.hidden) continue;
      assert.ok(command.examples.length > 0, name);
      for (const example of command.examples)
        assert.ok(example.includes(name) || example.startsWith('lockstep history'), example);
      assert.match(program.commands.find(each => each.name() === name)?.helpInformation() ?? '', /--json/);
    }
  });

  /** The real program in a process of its own. */
  function lockstep(...args: string[]) {
    const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
    return spawnSync(process.execPath, ['--import', 'tsx', main, '--dir', '/nowhere/unit', ...args], {
      encoding: 'utf8',
      timeout: 15_000,
    });
  }

  it('ends with the exit code of its answer, and keeps stdout for answers', () => {
    const unreachable = lockstep('status');
    assert.deepEqual([unreachable.status, unreachable.stdout], [4, '']);
    assert.match(
      unreachable.stderr,
      /^lockstep: No unit runs in \/nowhere\/unit\.\nhint: .*lockstep init --dir \/nowhere\/unit/,
    );
    const misspelled = lockstep('sate', '--json');
    assert.deepEqual([misspelled.status, misspelled.stderr], [2, '']);
    assert.equal((JSON.parse(misspelled.stdout) as { error: { code: string } }).error.code, 'bad-usage');
    assert.equal(lockstep('--version').status, 0);
    assert.equal(lockstep('help', 'set').status, 0);
  }).timeout(60_000);
});
