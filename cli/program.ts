import { Command, CommanderError, Option } from 'commander';
import { LockstepError } from '../schema/error.ts';
import { packageVersion } from '../unit/identity.ts';
import type { CliCommand } from './command.ts';
import { COMMANDS, type CommandEntry, OTHER } from './commands.ts';
import { type GlobalOptions, makeContext } from './context.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { Output, wantsColor, windowColumns } from './output.ts';
import { wrapProse } from './wrap.ts';

const DEFAULT_DIR = '/var/lib/lockstep';

const AFTER_HELP = `
Exit codes: 0 done · 1 differs, not in step · 2 usage · 3 refused · 4 unreachable · 5 damaged
With --json every command prints one line of JSON on stdout: its answer, or {"error": {...}}.`;

/** What the parsed command line asks for; undefined when help or the version was all that was asked. */
export type Asked = { out: Output; run(): Promise<ExitCode> };

/**
 * Read the command line. Throws LockstepError `bad-usage`.
 * Returns undefined when help or the version was printed, which is all there is to do then.
 */
export async function parseCommandLine(argv: string[]): Promise<Asked | undefined> {
  let asked: Asked | undefined;
  const program = await buildProgram(argv, found => {
    asked = found;
  });
  if (argv.length === 0) return justHelp(program);
  if (argv.includes('--json') && argv.every(word => word === '--json' || word === '--version'))
    return versionInJson();
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return usageError(error, argv);
    throw error;
  }
  return asked;
}

function justHelp(program: Command): Asked {
  const out = new Output({ json: false, color: false });
  const run = async (): Promise<ExitCode> => {
    program.outputHelp();
    return EXIT.usage;
  };
  return { out, run };
}

function versionInJson(): Asked {
  const out = new Output({ json: true, color: false });
  const run = async (): Promise<ExitCode> => {
    out.answer({ version: packageVersion() }, String);
    return EXIT.done;
  };
  return { out, run };
}

/** All commands by name and summary; those that `words` name with their options. */
export async function buildProgram(
  words: string[],
  found: (asked: Asked) => void = () => undefined,
): Promise<Command> {
  const program = globalOptions(new Command('lockstep'));
  program
    .description('Keeps the configuration of a high-availability pair valid, equal and safe.')
    .addHelpText('after', AFTER_HELP);
  // Every exit and every error line is made in one place, main.ts.
  program.exitOverride().configureOutput({
    writeErr: () => undefined,
    writeOut: text => process.stdout.write(wrapProse(text, windowColumns())),
  });
  for (const [name, entry] of Object.entries(COMMANDS)) {
    await addCommand(program, name, entry, words.includes(name), found);
  }
  return program;
}

function globalOptions(program: Command): Command {
  return program
    .addOption(new Option('--dir <dir>', 'directory of the unit').env('LOCKSTEP_DIR').default(DEFAULT_DIR))
    .addOption(
      new Option('--unit <host[:port]>', 'work on a unit elsewhere, over SSH, as one of its operators').env(
        'LOCKSTEP_UNIT',
      ),
    )
    .option('--identity <file>', 'key to log in elsewhere with; default: the agent, then ~/.ssh')
    .option('--host-key <key|file>', 'key that the host must show, or its SHA256:…; default: known_hosts')
    .option('--json', 'print JSON, for programs')
    .option('--no-color', 'print without colours')
    .version(packageVersion(), '--version', 'print the version')
    .usage('[options] <command>')
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: 20 })
    .helpOption('-h, --help', 'print this help')
    .commandsGroup(OTHER)
    .helpCommand('help [command]', 'print the help of a command');
}

async function addCommand(
  program: Command,
  name: string,
  entry: CommandEntry,
  named: boolean,
  found: (asked: Asked) => void,
): Promise<void> {
  const command = program
    .command(name, { hidden: entry.hidden ?? false })
    .summary(entry.summary)
    .helpGroup(entry.group);
  command.description(`${entry.summary.charAt(0).toUpperCase()}${entry.summary.slice(1)}.`);
  if (!named) return;
  const { command: definition } = await entry.load();
  definition.define(command);
  command.usage(usageOf(command));
  if (definition.examples.length > 0)
    command.addHelpText('after', `\nExamples:\n${definition.examples.map(line => `  ${line}`).join('\n')}`);
  command.action((...given: unknown[]) => {
    assertHere(program, name, entry);
    found(ask(program, definition, given.slice(0, -2), given.at(-2)));
  });
}

/** What must be given stands where it is read first. */
function usageOf(command: Command): string {
  const required = command.options
    .filter(option => option.mandatory)
    .map(({ flags }) => flags.replace(/^-\w, /, ''));
  const args = command.registeredArguments.map(argument => {
    const shown = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${shown}>` : `[${shown}]`;
  });
  return ['[options]', ...required, ...args].join(' ');
}

/** The environment may name a unit elsewhere for all commands that can be about one. */
function assertHere(program: Command, name: string, { local }: CommandEntry): void {
  if (local !== true || program.getOptionValueSource('unit') !== 'cli') return;
  throw new LockstepError(
    'bad-usage',
    `lockstep ${name} works on a directory of this machine, not on --unit.`,
    {
      hint: `Type it there, or leave --unit out.`,
    },
  );
}

/** What is typed counts more than what the environment says. */
function whichUnit(program: Command): GlobalOptions {
  const { unit, ...here } = program.opts<GlobalOptions>();
  const typed = (name: string): boolean => program.getOptionValueSource(name) === 'cli';
  if (unit === undefined || (typed('dir') && !typed('unit'))) return here;
  if (typed('dir'))
    throw new LockstepError('bad-usage', 'Name one unit: --dir for one on this machine, or --unit.');
  return { ...here, unit };
}

function ask(program: Command, definition: CliCommand, args: unknown[], options: unknown): Asked {
  const global = whichUnit(program);
  const out = new Output({ json: global.json === true, color: wantsColor(process.stdout, global.color) });
  const run = async (): Promise<ExitCode> => {
    const context = makeContext(global, out);
    try {
      return await definition.run(context, options, ...args);
    } finally {
      await context.close();
    }
  };
  return { out, run };
}

/** Help and version come as errors of the parser as well; those are no faults. */
function usageError(error: CommanderError, argv: string[]): undefined {
  if (error.exitCode === 0) return undefined;
  const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.?!]$/.test(message) ? '' : '.'}`;
  const suggestion = more.join(' ').replace(/^\((.*)\)$/, '$1');
  const named = argv.find(word => Object.hasOwn(COMMANDS, word));
  const help = `${named === undefined ? 'lockstep help' : `lockstep ${named} --help`} shows what may be typed.`;
  throw new LockstepError('bad-usage', sentence, { hint: suggestion || help });
}
