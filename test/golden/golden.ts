/** What an earlier release left behind, and what it said of it (README.md here). */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

export const SETS = ['in-step', 'divided', 'waiting', 'restored'] as const;
export type SetName = (typeof SETS)[number];
export const UNITS = ['ha1', 'ha2'] as const;
export type UnitName = (typeof UNITS)[number];

/** Where the units of all golden folders listen, and their partners look for them. */
export const PLACES = {
  ha1: { address: '127.0.79.1', port: 6973 },
  ha2: { address: '127.0.79.2', port: 6973 },
} as const;

/** Words as typed → what the command answered with `--json`. */
export type Answers = Record<string, unknown>;

export interface Expected {
  /** Revision of these sources that the program was built from. */
  revision: string;
  passphrase: string;
  /** Private key of the operator ada, made for this and nothing else. */
  operatorKey: string;
  sets: Record<SetName, Record<UnitName, Answers>>;
  bundles: { configuration: unknown; certificates: unknown };
}

/** Typed on the asking unit when it said that the pair is in this state. */
export interface Typed {
  typed: string[];
  state: string;
}

/** One message of a recorded conversation, or what was typed before it. */
export type Turn =
  | Typed
  | { line: number; request: Record<string, unknown> }
  | { line: number; reply: Record<string, unknown> };

export interface Recorded {
  name: string;
  from: SetName;
  asker: UnitName;
  turns: Turn[];
}

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const PACKAGES = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** One release of which golden data is kept: its folder here is called like it. */
export class Golden {
  readonly release: string;
  readonly folder: string;

  constructor(release: string, folder = path.join(FOLDER, release)) {
    this.release = release;
    this.folder = folder;
  }

  static all(): Golden[] {
    const releases = readdirSync(FOLDER).filter(name =>
      existsSync(path.join(FOLDER, name, 'expected.json.br')),
    );
    return releases.map(release => new Golden(release));
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  expected(): Expected {
    return this.read<Expected>('expected.json.br');
  }

  conversations(): Recorded[] {
    return this.read<Recorded[]>('conversations.json.br');
  }

  /** Both units of a set, as the program left them, in `to`/ha1 and `to`/ha2. */
  unpack(name: SetName, to: string): void {
    mkdirSync(to, { recursive: true });
    const options = ['-xpf', '-', '--no-same-owner', '--strip-components=1', '-C', to, name];
    execFileSync('tar', options, { input: decompress(this.file('sets.tar.br')) });
  }

  /** All sets, from `from`/SET/UNIT. */
  packSets(from: string): void {
    const owner = ['--owner=0', '--group=0', '--sort=name'];
    const tar = execFileSync('tar', ['-cf', '-', ...owner, '-C', from, ...SETS], { maxBuffer: 2 ** 30 });
    this.write('sets.tar.br', tar);
  }

  /** The program of the release as it was built then, in the folder `to`. Returns the path of its command. */
  unpackProgram(to: string): string {
    mkdirSync(to, { recursive: true });
    const input = decompress(this.file('program.tar.br'));
    execFileSync('tar', ['-xf', '-', '--no-same-owner', '-C', to], { input });
    symlinkSync(PACKAGES, path.join(to, 'node_modules')); // for lmdb, the one package that is not built in
    return path.join(to, 'dist/main.js');
  }

  /** Keeps the program that was built in `checkout`. */
  packProgram(checkout: string): void {
    const times = ['--owner=0', '--group=0', '--sort=name', '--mtime=@0'];
    const tar = execFileSync('tar', ['-cf', '-', ...times, '-C', checkout, 'dist', 'package.json'], {
      maxBuffer: 2 ** 30,
    });
    this.write('program.tar.br', tar);
  }

  writeJson(name: 'expected.json.br' | 'conversations.json.br', content: unknown): void {
    this.write(name, Buffer.from(JSON.stringify(content)));
  }

  /** The window is as large as the content: the sets hold much the same. */
  private write(name: string, content: Buffer): void {
    const params = {
      [constants.BROTLI_PARAM_LARGE_WINDOW]: 1,
      [constants.BROTLI_PARAM_LGWIN]: 27,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    };
    writeFileSync(this.file(name), brotliCompressSync(content, { params }));
  }

  private read<Content>(name: string): Content {
    return JSON.parse(decompress(this.file(name)).toString('utf8')) as Content;
  }
}

function decompress(file: string): Buffer {
  const params = { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 };
  return brotliDecompressSync(readFileSync(file), { params });
}

/** What another moment, machine or release says otherwise, and may. */
const PASSING = new Set([
  'ageMs',
  'at',
  'author',
  'changeId',
  'clock',
  'daysLeft',
  'id',
  'ms',
  'msLeft',
  'nonce',
  're',
  'release',
  'schemaDigest',
]);

/**
 * What was said, as far as it must be said again. `also`: more names that may differ, here.
 */
export function lasting(value: unknown, also: readonly string[] = []): unknown {
  if (Array.isArray(value)) return value.map(item => lasting(item, also));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([name]) => !PASSING.has(name) && !also.includes(name));
  return Object.fromEntries(
    fields.map(([name, item]) => [name, isDrawn(name, item) ? item !== '' : lasting(item, also)]),
  );
}

/** An id that is drawn anew each time: whether there is one is what stays. */
function isDrawn(name: string, item: unknown): boolean {
  return (name === 'confirmed' || name === 'provisional') && typeof item === 'string';
}

/** Of `now`, what `then` also has: a later release may say more. Lists must have as many items. */
export function asThen(now: unknown, then: unknown): unknown {
  if (Array.isArray(now) && Array.isArray(then) && now.length === then.length)
    return now.map((item, index) => asThen(item, then[index]));
  if (!isPlain(now) || !isPlain(then)) return now;
  const known = Object.entries(now).filter(([name]) => Object.hasOwn(then, name));
  return Object.fromEntries(known.map(([name, item]) => [name, asThen(item, then[name])]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
