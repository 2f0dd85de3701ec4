import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { candidates as candidatesIn, type Lists, type NextPaths } from '../../cli/candidates.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { COMPLETION_SCRIPTS, type Shell } from '../../cli/completion-scripts.ts';
import { buildProgram } from '../../cli/program.ts';
import { splitLine } from '../../cli/split-line.ts';

const CHECKS: Record<Shell, string[]> = { bash: ['-n'], zsh: ['-n'], fish: ['--no-execute'] };

const candidates = async (words: string[], next: NextPaths, lists?: Lists): Promise<string[]> =>
  candidatesIn(await buildProgram(words), words, next, lists);

describe('completion', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-completion-'));
  after(() => rmSync(folder, { recursive: true }));

  for (const [shell, script] of Object.entries(COMPLETION_SCRIPTS)) {
    it(`for ${shell} is a script that ${shell} reads`, function () {
      const file = join(folder, `lockstep.${shell}`);
      writeFileSync(file, script);
      const { error, status, stderr } = spawnSync(shell, [...CHECKS[shell as Shell], file], {
        encoding: 'utf8',
        timeout: 10_000,
      });
      if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
        process.stdout.write(`      skipped: ${shell} is not here (Debian package: ${shell})\n`);
        this.skip();
      }
      assert.equal(status, 0, stderr);
    });
  }

  /** Types `line` in bash, asks for completion at its end, and tells what bash would offer. */
  function inBash(line: string, answers: string[]): string[] {
    const lockstep = `lockstep() { printf '%s\\n' "$@" >&3; printf '%s\\n' ${answers.map(answer => `'${answer}'`).join(' ')}; }`;
    const script = `${COMPLETION_SCRIPTS.bash}\n${lockstep}\nCOMP_LINE="$1" COMP_POINT=\${#1}\n_lockstep 3>/dev/null\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
    return spawnSync('bash', ['-c', script, 'bash', line], { encoding: 'utf8', timeout: 10_000 })
      .stdout.trim()
      .split('\n');
  }

  it('in bash survives the colons of a path', () => {
    const paths = ['virtualServices/tcp:10.0.0.1:443', 'virtualServices/tcp:10.0.0.1:80'];
    assert.deepEqual(inBash('lockstep show virtualServices/', paths), paths);
    assert.deepEqual(inBash('lockstep show virtualServices/tcp:10.0', paths), [
      '10.0.0.1:443',
      '10.0.0.1:80',
    ]);
    assert.deepEqual(inBash('lockstep show virtualServices/tcp:10.0.0.1:', paths), ['443', '80']);
  });

  it('in bash works inside of quotes', () => {
    const paths = ['virtualServices/tcp:10.0.0.1:443'];
    for (const line of [
      'lockstep show "virtualServices/tcp:10.0',
      "lockstep show 'virtualServices/tcp:10.0",
      `lockstep set --reason "two words" 'virtualServices/tcp:10.0`,
    ])
      assert.deepEqual(inBash(line, paths), paths, line);
    assert.deepEqual(inBash('lockstep set --reason "two words" virtualServices/tcp:10.0', paths), [
      '10.0.0.1:443',
    ]);
  });

  it('reads a line as a shell does', () => {
    const lines: [string, string[]][] = [
      ['', ['']],
      ['lockstep st', ['lockstep', 'st']],
      ['lockstep show ', ['lockstep', 'show', '']],
      [`lockstep set --reason "it's two" 'ha/m`, ['lockstep', 'set', '--reason', "it's two", 'ha/m']],
      ['lockstep set "ha"/vir', ['lockstep', 'set', 'ha/vir']],
      ['lockstep set a\\ b "', ['lockstep', 'set', 'a b', '']],
    ];
    for (const [line, words] of lines) assert.deepEqual(splitLine(line), words, line);
  });

  it('offers what the unit knows: words of a field, revisions, branches, operators, files that wait', async () => {
    const lists = {
      values: async (path: string) => (path === 'ha/mode' ? ['first', 'second', 'single'] : []),
      revisions: async () => ['41', '42'],
      branches: async () => ['lb2-20260101'],
      files: async () => ['ha.json'],
    };
    const held = async (path: string) =>
      ({ operators: ['operators/ada'], unitOperators: ['unitOperators/ada', 'unitOperators/olga'] })[path] ??
      [];
    const offered = (...words: string[]) => candidates(words, held, lists);
    assert.deepEqual(await offered('set', 'ha/mode', 's'), ['second', 'single']);
    assert.deepEqual(await offered('rollback', '4'), ['41', '42']);
    assert.deepEqual(await offered('diff', '41', ''), ['41', '42']);
    assert.deepEqual(await offered('audit', 'p'), ['partner', 'proof']);
    assert.deepEqual(await offered('audit', 'local', '4'), ['41', '42']);
    assert.deepEqual(await offered('merge', ''), ['lb2-20260101']);
    assert.deepEqual(await offered('operator', 'remove', ''), ['ada', 'olga']);
    assert.deepEqual(await offered('operator', 'add', ''), []);
    assert.deepEqual(await offered('--unit', 'lb1', 'rollback', ''), []);
  });

  const asked: [string, string | undefined][] = [];
  const next = async (path: string, dir: string | undefined): Promise<string[]> => {
    asked.push([path, dir]);
    return path === 'ha' ? ['ha/virtualId', 'ha/virtualMac', 'ha/mode'] : ['ha', 'hosts', 'virtualServices'];
  };

  it('offers commands, but not the hidden one', async () => {
    assert.deepEqual(await candidates(['st'], next), ['status']);
    const all = await candidates([''], next);
    assert.deepEqual(all, [...Object.keys(COMMANDS).filter(name => name !== '__complete'), 'help'].sort());
  });

  it('offers paths, one level at a time, of the unit that the line names', async () => {
    assert.deepEqual(await candidates(['set', 'h'], next), ['ha', 'hosts']);
    assert.deepEqual(await candidates(['--dir', '/tmp/x', 'show', '--defaults', 'ha/v'], next), [
      'ha/virtualId',
      'ha/virtualMac',
    ]);
    assert.deepEqual(asked.at(-1), ['ha', '/tmp/x']);
    assert.deepEqual(await candidates(['apply', '--path', 'ha/m'], next), ['ha/mode']);
  });

  it('offers the names of certificates where one is named, and files after it', async () => {
    const held = async (path: string, _dir: string | undefined, startsWith: string): Promise<string[]> =>
      path === 'certificates' && startsWith === 'sh' ? ['certificates/shop'] : [];
    assert.deepEqual(await candidates(['certs', 'e'], held), ['export']);
    assert.deepEqual(await candidates(['certs', 'export', 'sh'], held), ['shop']);
    assert.deepEqual(await candidates(['certs', 'add', 'shop', 'sh'], held), []);
    assert.deepEqual(await candidates(['certs', 'list', 'sh'], held), []);
  });

  it('offers options and the words that an argument takes', async () => {
    assert.deepEqual(await candidates(['takeover', '--f'], next), ['--force']);
    assert.deepEqual(await candidates(['certs', 'restore', '--ne'], next), ['--newer']);
    assert.deepEqual(await candidates(['certs', 'list', '--ne'], next), []);
    assert.deepEqual(await candidates(['audit', '--al'], next), ['--all']);
    assert.deepEqual(await candidates(['import', 'l'], next), ['loadmaster']);
    assert.deepEqual(await candidates(['completion', ''], next), ['bash', 'fish', 'zsh']);
    assert.deepEqual(await candidates(['init', '--mode', 's'], next), ['second', 'single']);
  });

  it('leaves files and free text to the shell', async () => {
    assert.deepEqual(await candidates(['apply', '-f', ''], next), []);
    assert.deepEqual(await candidates(['set', 'ha/virtualId', ''], next), []);
    assert.deepEqual(await candidates(['import', 'loadmaster', ''], next), []);
    assert.deepEqual(await candidates(['set', '--reason', 'h'], next), []);
  });
});
