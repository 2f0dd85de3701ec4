import { resolve } from 'node:path';
import type { Argument, Command, Option } from 'commander';
import { buildProgram } from './program.ts';

/** Asks the unit in `dir` (undefined: the usual one) which whole paths come after `path`; their ids may begin with `startsWith`. */
export type NextPaths = (path: string, dir: string | undefined, startsWith: string) => Promise<string[]>;

/** What else the unit in `dir` knows: each list as it may be typed. */
export interface Lists {
  /** Words that the field at `path` takes. */
  values(path: string, dir: string | undefined): Promise<string[]>;
  /** The newest revisions. */
  revisions(dir: string | undefined): Promise<string[]>;
  /** Those that wait to be merged. */
  branches(dir: string | undefined): Promise<string[]>;
  /** Under config/, that could not be committed. */
  files(dir: string | undefined): Promise<string[]>;
}

const NOTHING: Lists = {
  values: async () => [],
  revisions: async () => [],
  branches: async () => [],
  files: async () => [],
};

/** What may stand in place of the last of `words`; empty where only a person, or a file name, can tell. */
export async function candidates(
  words: string[],
  nextPaths: NextPaths,
  lists: Lists = NOTHING,
): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const program = await buildProgram(words);
  const line = readLine(program, words.slice(0, -1));
  const found = await wordsAt(program, line, current, nextPaths, lists);
  return found.filter(word => word.startsWith(current)).sort();
}

/** What the words before the cursor say. */
interface Line {
  command: Command | undefined;
  /** Operands after the command. */
  operands: string[];
  /** The option whose value stands at the cursor. */
  valueOf: Option | undefined;
  dir: string | undefined;
  /** It is about a unit elsewhere: a login takes longer than a shell waits. */
  elsewhere: boolean;
}

function readLine(program: Command, words: string[]): Line {
  const line: Line = {
    command: undefined,
    operands: [],
    valueOf: undefined,
    dir: undefined,
    elsewhere: false,
  };
  for (const word of words) takeWord(program, line, word);
  return line;
}

function takeWord(program: Command, line: Line, word: string): void {
  if (line.valueOf !== undefined) {
    if (line.valueOf.long === '--dir') line.dir = resolve(word);
    if (line.valueOf.long === '--unit') line.elsewhere = true;
    line.valueOf = undefined;
  } else if (word.startsWith('-') && word !== '-') {
    line.valueOf = optionWithValue(optionsAt(program, line.command), word);
  } else if (line.command === undefined) {
    line.command = program.commands.find(command => command.name() === word);
  } else {
    line.operands.push(word);
  }
}

function optionWithValue(options: readonly Option[], word: string): Option | undefined {
  return options.find(option => option.required && (option.long === word || option.short === word));
}

function optionsAt(program: Command, command: Command | undefined): readonly Option[] {
  return [...program.options, ...(command?.options ?? [])];
}

async function wordsAt(
  program: Command,
  line: Line,
  current: string,
  nextPaths: NextPaths,
  lists: Lists,
): Promise<string[]> {
  const parent = parentOf(current);
  const startsWith = parent === '' ? current : current.slice(parent.length + 1);
  const paths = async () => (line.elsewhere ? [] : nextPaths(parent, line.dir, startsWith));
  if (line.valueOf !== undefined) return valuesOf(line.valueOf, paths);
  if (current.startsWith('-')) return optionsAt(program, line.command).flatMap(option => option.long ?? []);
  if (line.command === undefined) return visibleNames(program);
  const argument = line.command.registeredArguments[line.operands.length];
  if (argument === undefined) return [];
  if (isPath(argument)) return paths();
  if (argument.argChoices !== undefined) return argument.argChoices;
  return line.elsewhere ? [] : knownTo(line, argument.name(), current, nextPaths, lists);
}

/** By the names of arguments, which say what they are. */
async function knownTo(
  line: Line,
  argument: string,
  current: string,
  nextPaths: NextPaths,
  lists: Lists,
): Promise<string[]> {
  const { command, operands, dir } = line;
  switch (argument) {
    case 'certificate':
      return certificateNames(line, current, nextPaths);
    case 'value':
      return lists.values(operands[0] ?? '', dir);
    case 'revision':
    case 'from':
    case 'to':
      return lists.revisions(dir);
    case 'branch':
      return lists.branches(dir);
    case 'name':
      return command?.name() === 'operator' && operands[0] === 'remove'
        ? operators(current, dir, nextPaths)
        : [];
    case 'a':
      return ['local', 'partner', 'history', 'proof', 'fleet', ...(await lists.revisions(dir))];
    case 'b':
      return ['local', 'partner', ...(await lists.revisions(dir))];
    case 'file':
      return command?.name() === 'mirror' ? lists.files(dir) : [];
    default:
      return [];
  }
}

async function operators(current: string, dir: string | undefined, nextPaths: NextPaths): Promise<string[]> {
  const names: string[] = [];
  for (const collection of ['operators', 'unitOperators'])
    for (const path of await nextPaths(collection, dir, current))
      names.push(path.slice(collection.length + 1).replace(/\/$/, ''));
  return [...new Set(names)];
}

const TAKE_NAMES = new Set(['add', 'remove', 'show', 'export']);
const CERTIFICATES = 'certificates';

/** Names of the certificates that there are, for the actions that take one. */
async function certificateNames(line: Line, current: string, nextPaths: NextPaths): Promise<string[]> {
  if (!TAKE_NAMES.has(line.operands[0] ?? '')) return [];
  const paths = await nextPaths(CERTIFICATES, line.dir, current);
  return paths.map(path => path.slice(CERTIFICATES.length + 1).replace(/\/$/, ''));
}

function visibleNames(program: Command): string[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map(command => command.name());
}

async function valuesOf(option: Option, paths: () => Promise<string[]>): Promise<string[]> {
  return option.long === '--path' ? paths() : (option.argChoices ?? []);
}

function isPath(argument: Argument): boolean {
  return argument.name() === 'path';
}

/** Everything up to the last slash: the part that is whole. */
function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}
