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

  it('says its version as JSON too, wherever the options stand', async () => {
    for (const line of [
      '--json --version',
      '--version --json',
      '--dir /tmp/x --json --version',
      '--version --dir /tmp/x --json',
      '--unit ha1 --version --no-color --json',
      'status --json --version',
    ])
      assert.equal((await parseCommandLine(line.split(' ')))?.out.json, true, line);
    assert.equal((await parseCommandLine(['--dir', '/tmp/x', '--version']))?.out.json, false);
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
    const all = Object.entries(COMMANDS).flatMap(([name, { verbs, ...entry }]) => [
      [[name], entry] as const,
      ...Object.entries(verbs ?? {}).map(([verb, each]) => [[name, verb], each] as const),
    ]);
    const program = await buildProgram(all.flatMap(([names]) => names));
    for (const [names, entry] of all) {
      const typed = names.join(' ');
      assert.ok(entry.summary.length > 5, typed);
      if ('hidden' in entry && entry.hidden) continue;
      const { command } = (await entry.load?.()) ?? {};
      if (command === undefined) assert.equal(names.length, 1, typed);
      else assert.ok(command.examples.length > 0, typed);
      for (const example of command?.examples ?? [])
        assert.ok(
          example.includes(typed.replace(/^audit compare$/, 'audit')) ||
            example.startsWith('lockstep history'),
          example,
        );
      let shown = program;
      for (const name of names) shown = shown.commands.find(each => each.name() === name) ?? program;
      assert.match(shown.helpInformation(), /--json/);
    }
  });

  it('gives each verb options of its own', async () => {
    const cases: [string[], RegExp, RegExp][] = [
      [['certs', 'list', '--newer'], /Unknown option '--newer'/, /^It belongs to lockstep certs restore\.$/],
      [['backup', 'list', '--dry-run'], /Unknown option/, /lockstep backup create and lockstep backup prune/],
      [['operator', 'list', '--role', 'read'], /Unknown option '--role'/, /lockstep operator add/],
      [['replace', 'status', '--html'], /Unknown option '--html'/, /lockstep replace report/],
      [['audit', 'history', '--all'], /Unknown option '--all'/, /lockstep audit compare/],
      [['certs', 'list', '--jso'], /Unknown option '--jso'/, /Did you mean --json\?/],
      [['certs', 'frob'], /Unknown command 'frob'/, /lockstep certs --help/],
      [['certs', 'ad'], /Unknown command 'ad'/, /Did you mean add\?/],
      [['certs'], /lockstep certs needs one of: add, remove/, /lockstep certs --help/],
      [['audit', 'history', 'partner'], /Too many arguments/, /lockstep audit history --help/],
      [['backup', 'inspect'], /Missing required argument 'file'/, /lockstep backup inspect --help/],
    ];
    for (const [argv, message, hint] of cases)
      await assert.rejects(parseCommandLine(argv), (error: { message: string; hint?: string }) => {
        assert.match(error.message, message);
        assert.match(error.hint ?? '', hint, argv.join(' '));
        return true;
      });
  });

  it('takes options before the verb, too, and an audit without one', async () => {
    for (const line of [
      'certs --web show',
      'certs --dir add list',
      'backup -o create create',
      'audit --parallel 8 fleet pairs.yaml',
      'audit',
      'audit --all local 41',
      'audit local 41 --json',
      'replace --state ./folder run --no-wait',
    ])
      assert.ok(await parseCommandLine(line.split(' ')), line);
  });

  it('loads of a noun the verb that is named, and no other', async () => {
    const program = await buildProgram(['certs', 'show']);
    const certs = program.commands.find(each => each.name() === 'certs');
    assert.deepEqual(
      certs?.commands.filter(verb => verb.options.length > 0).map(verb => verb.name()),
      ['show'],
    );
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
    assert.match(lockstep('help', 'certs', 'add').stdout, /^Usage: lockstep certs add/);
  }).timeout(60_000);
});
