import { resolve } from 'node:path';
import type { Argument, Command, Option } from 'commander';

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

/** What may stand in place of the last of `words`; empty where only a person, or a file name, can tell. `program`: with what they name. */
export async function candidates(
  program: Command,
  words: string[],
  nextPaths: NextPaths,
  lists: Lists = NOTHING,
): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const line = readLine(program, words.slice(0, -1));
  const found = await wordsAt(program, line, current, nextPaths, lists);
  return found.filter(word => word.startsWith(current)).sort();
}

/** What the words before the cursor say. */
interface Line {
  /** The command, or the verb of a noun that stands on the line. */
  command: Command | undefined;
  /** Operands after it. */
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
  } else {
    const below = (line.command ?? program).commands.find(command => command.name() === word);
    if (below !== undefined) line.command = below;
    else if (line.command !== undefined) line.operands.push(word);
  }
}

function optionWithValue(options: readonly Option[], word: string): Option | undefined {
  return options.find(option => option.required && (option.long === word || option.short === word));
}

function optionsAt(program: Command, command: Command | undefined): readonly Option[] {
  return [...program.options, ...(usualVerb(command)?.options ?? [])];
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
  const below = line.operands.length === 0 ? visibleNames(line.command ?? program) : [];
  const argument = usualVerb(line.command)?.registeredArguments[line.operands.length];
  if (argument === undefined) return below;
  if (isPath(argument)) return paths();
  if (argument.argChoices !== undefined) return argument.argChoices;
  return line.elsewhere
    ? below
    : [...below, ...(await knownTo(line, argument.name(), current, nextPaths, lists))];
}

/** Of a noun, the verb that is meant where none is typed: of its verbs that one alone is built with its arguments then. */
function usualVerb(command: Command | undefined): Command | undefined {
  if (command === undefined || command.commands.length === 0) return command;
  return command.commands.find(verb => verb.registeredArguments.length > 0);
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
      return namesIn(['certificates'], current, dir, nextPaths);
    case 'value':
      return lists.values(operands[0] ?? '', dir);
    case 'revision':
    case 'from':
    case 'to':
      return lists.revisions(dir);
    case 'branch':
      return lists.branches(dir);
    case 'operator':
      return namesIn(['operators', 'unitOperators'], current, dir, nextPaths);
    case 'a':
    case 'b':
      return ['local', 'partner', ...(await lists.revisions(dir))];
    case 'file':
      return command?.parent?.name() === 'mirror' ? lists.files(dir) : [];
    default:
      return [];
  }
}

/** Ids of the records of some collections. */
async function namesIn(
  collections: string[],
  current: string,
  dir: string | undefined,
  nextPaths: NextPaths,
): Promise<string[]> {
  const names: string[] = [];
  for (const collection of collections)
    for (const path of await nextPaths(collection, dir, current))
      names.push(path.slice(collection.length + 1).replace(/\/$/, ''));
  return [...new Set(names)];
}

function visibleNames(command: Command): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
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
