import { Command, CommanderError, Option } from 'commander';
import { LockstepError } from '../schema/error.ts';
import { packageVersion } from '../unit/identity.ts';
import type { CliCommand } from './command.ts';
import { COMMANDS, type CommandEntry, OTHER, type VerbEntry } from './commands.ts';
import { type GlobalOptions, makeContext } from './context.ts';
import { EXIT, type ExitCode } from './exit.ts';
import { Output, wantsColor, windowColumns } from './output.ts';
import { wrapProse } from './wrap.ts';

const DEFAULT_DIR = '/var/lib/lockstep';

/** Code of the error that ends the reading of a command line. */
const VERSION = 'commander.version';

const AFTER_HELP = `
Exit codes: 0 done · 1 differs, not in step · 2 usage · 3 refused · 4 unreachable · 5 damaged
With --json every command prints one line of JSON on stdout: its answer, or {"error": {...}}.`;

/** What the parsed command line asks for; undefined when help was all that was asked. */
export type Asked = { out: Output; run(): Promise<ExitCode> };

/**
 * Read the command line. Throws LockstepError `bad-usage`.
 * Returns undefined when help was printed, which is all there is to do then.
 */
export async function parseCommandLine(typed: string[]): Promise<Asked | undefined> {
  const argv = asHelpOption(typed);
  let asked: Asked | undefined;
  const program = await buildProgram(argv, found => {
    asked = found;
  });
  if (argv.length === 0) return justHelp(program);
  try {
    await program.parseAsync(verbFirst(program, argv), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.code === VERSION ? justVersion(argv.includes('--json')) : usageError(error, argv);
  }
  return asked;
}

/** `help certs add` asks for what `certs add --help` prints. */
function asHelpOption(argv: string[]): string[] {
  const at = argv.findIndex(word => word === 'help' || Object.hasOwn(COMMANDS, word));
  const isOfCommand = argv[at] === 'help' && argv.length > at + 1;
  return isOfCommand ? [...argv.slice(0, at), ...argv.slice(at + 1), '--help'] : argv;
}

function justHelp(program: Command): Asked {
  const out = new Output({ json: false, color: false });
  const run = async (): Promise<ExitCode> => {
    program.outputHelp();
    return EXIT.usage;
  };
  return { out, run };
}

function justVersion(json: boolean): Asked {
  const out = new Output({ json, color: false });
  const run = async (): Promise<ExitCode> => {
    out.answer({ version: packageVersion() }, ({ version }) => version);
    return EXIT.done;
  };
  return { out, run };
}

/** All commands and verbs by name and summary; those that `words` name with their options. */
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
    const command = addCommand(program, name, entry).helpGroup(entry.group);
    if (!words.includes(name)) continue;
    const act = (definition: CliCommand, given: unknown[]): void => {
      assertHere(program, name, entry);
      found(ask(program, definition, given.slice(0, -2), given.at(-2)));
    };
    if (entry.load !== undefined) complete(command, (await entry.load()).command, act);
    else await addVerbs(command, entry.verbs ?? {}, words, act);
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
    .option('--version', 'print the version')
    .on('option:version', () => {
      throw new CommanderError(0, VERSION, packageVersion());
    })
    .usage('[options] <command>')
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: 20 })
    .helpOption('-h, --help', 'print this help')
    .commandsGroup(OTHER)
    .helpCommand('help [command]', 'print the help of a command');
}

function addCommand(parent: Command, name: string, entry: CommandEntry | VerbEntry): Command {
  const { summary } = entry;
  return parent
    .command(name, { hidden: 'hidden' in entry && entry.hidden, isDefault: 'usual' in entry && entry.usual })
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`);
}

type Act = (definition: CliCommand, given: unknown[]) => void;

async function addVerbs(
  noun: Command,
  verbs: Record<string, VerbEntry>,
  words: string[],
  act: Act,
): Promise<void> {
  const isNamed = Object.keys(verbs).some(verb => words.includes(verb));
  const usual = Object.values(verbs).some(verb => verb.usual);
  for (const [name, entry] of Object.entries(verbs)) {
    const verb = addCommand(noun, name, entry);
    if (words.includes(name) || (entry.usual === true && !isNamed))
      complete(verb, (await entry.load()).command, act);
  }
  noun
    .usage(usual ? '[options] [command]' : '[options] <command>')
    .helpCommand(false)
    .addHelpText('after', `\nlockstep ${noun.name()} COMMAND --help shows the options of one of them.`);
}

function complete(command: Command, definition: CliCommand, act: Act): void {
  definition.define?.(command);
  command.usage(usageOf(command));
  if (definition.examples.length > 0)
    command.addHelpText('after', `\nExamples:\n${definition.examples.map(line => `  ${line}`).join('\n')}`);
  command.action((...given: unknown[]) => act(definition, given));
}

/** `lockstep certs --web show` means `lockstep certs show --web`: a verb may stand behind options. */
function verbFirst(program: Command, argv: string[]): string[] {
  const at = argv.findIndex(word => COMMANDS[word]?.verbs !== undefined);
  const noun = program.commands.find(command => command.name() === argv[at]);
  if (noun === undefined || argv[at + 1]?.startsWith('-') !== true) return argv;
  const options = [program, ...noun.commands].flatMap(({ options: own }) => own);
  const takesValue = (flag: string | undefined): boolean =>
    options.some(({ required, long, short }) => required && (flag === long || flag === short));
  const verb = argv.findIndex(
    (word, index) =>
      index > at && !takesValue(argv[index - 1]) && noun.commands.some(command => command.name() === word),
  );
  if (verb === -1) return argv;
  return [
    ...argv.slice(0, at + 1),
    argv[verb] as string,
    ...argv.slice(at + 1, verb),
    ...argv.slice(verb + 1),
  ];
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
    const context = makeContext(global, out, buildProgram);
    try {
      return await definition.run(context, options, ...args);
    } finally {
      await context.close();
    }
  };
  return { out, run };
}

/** Help and version come as errors of the parser as well; those are no faults. */
async function usageError(error: CommanderError, argv: string[]): Promise<undefined> {
  if (error.exitCode === 0) return undefined;
  const noun = argv.find(word => Object.hasOwn(COMMANDS, word));
  const verbs = COMMANDS[noun ?? '']?.verbs ?? {};
  if (error.code === 'commander.help')
    throw new LockstepError('bad-usage', `lockstep ${noun} needs one of: ${Object.keys(verbs).join(', ')}.`, {
      hint: `lockstep ${noun} --help shows them.`,
    });
  const [message = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.?!]$/.test(message) ? '' : '.'}`;
  const suggestion = more.join(' ').replace(/^\((.*)\)$/, '$1');
  const verb = argv.find(word => Object.hasOwn(verbs, word));
  const named = ['lockstep', noun, verb].filter(word => word !== undefined).join(' ');
  const help = noun === undefined ? 'lockstep help' : `${named} --help`;
  const elsewhere = error.code === 'commander.unknownOption' ? await verbsWith(verbs, message) : [];
  const hint =
    elsewhere.length > 0
      ? `It belongs to ${elsewhere.map(name => `lockstep ${noun} ${name}`).join(' and ')}.`
      : suggestion || `${help} shows what may be typed.`;
  throw new LockstepError('bad-usage', sentence, { hint });
}

/** The verbs that have the option which a message quotes. */
async function verbsWith(verbs: Record<string, VerbEntry>, message: string): Promise<string[]> {
  const flag = /'(-[^']*)'/.exec(message)?.[1];
  const found: string[] = [];
  for (const [name, entry] of Object.entries(verbs)) {
    const command = new Command();
    (await entry.load()).command.define?.(command);
    if (command.options.some(({ long, short }) => flag === long || flag === short)) found.push(name);
  }
  return found;
}
