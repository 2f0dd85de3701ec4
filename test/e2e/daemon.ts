import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../api/client.ts';
import type { Status } from '../../api/contract/status.ts';
import { EXIT_OF_CLASS } from '../../cli/exit.ts';
import { parseCommandLine } from '../../cli/program.ts';
import { type Catalog, loadCatalog } from '../../schema/catalog.ts';
import { asLockstepError, type ErrorBody, LockstepError } from '../../schema/error.ts';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { Store } from '../../store/store.ts';
import { type InitOptions, initUnit } from '../../unit/init.ts';
import { freshBuild } from './build.ts';

const START_MS = 30_000;
const COMMAND_MS = 30_000;

let catalog: Catalog | undefined;

/** Read once: compiling the schemas takes longer than most tests. */
function builtInKinds(): Catalog {
  catalog ??= loadCatalog();
  return catalog;
}

/** What is running; ended by pid when the tests end, however they end. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A folder of its own, with a name short enough for a socket in it; `remove` takes it away. */
export function temporaryFolder(): { folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }) };
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface CommandResult extends Ended {
  stdout: string;
  stderr: string;
}

/** How to start a program. */
interface Launch {
  /** What comes before it (`nsenter …`). */
  inside?: string[];
  environment?: Record<string, string>;
  /** The command of another release; without it, that of these sources. */
  main?: string | undefined;
}

function launch(args: string[], { inside = [], environment = {}, main }: Launch = {}): ChildProcess {
  const [program, ...rest] = [...inside, process.execPath, main ?? freshBuild(), ...args];
  const { LOCKSTEP_DIR: _dir, LOCKSTEP_UNIT: _unit, NOTIFY_SOCKET: _systemd, ...env } = process.env;
  const child = spawn(program as string, rest, {
    env: { ...env, NO_COLOR: '1', LOCKSTEP_CHECK_ANSWERS: '1', ...environment },
    stdio: 'pipe',
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

function ended(child: ChildProcess): Promise<Ended> {
  return new Promise(resolve => child.once('close', (code, signal) => resolve({ code, signal })));
}

function collected(stream: NodeJS.ReadableStream | null): { text: string } {
  const seen = { text: '' };
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    seen.text += chunk;
  });
  return seen;
}

/** One command as an operator types it. `input` comes on its standard input. */
export async function lockstep(
  args: string[],
  { input = '', ...how }: Launch & { input?: string } = {},
): Promise<CommandResult> {
  const child = launch(args, how);
  const [out, err] = [collected(child.stdout), collected(child.stderr)];
  child.stdin?.on('error', () => undefined); // it may end without reading
  child.stdin?.end(input);
  const killer = setTimeout(() => child.kill('SIGKILL'), COMMAND_MS);
  const end = await ended(child);
  clearTimeout(killer);
  return { ...end, stdout: out.text, stderr: err.text };
}

/** The error that a command or a request was refused with. */
export async function refusalOf(asked: Promise<unknown>): Promise<LockstepError> {
  const answer = await asked.then(
    value => assert.fail(`expected a refusal, got ${JSON.stringify(value)?.slice(0, 200)}`),
    error => error,
  );
  assert.ok(answer instanceof LockstepError, String(answer));
  return answer;
}

export interface Answer {
  status: number;
  type: string;
  text: string;
}

/** One unit: its folder, the daemon that runs on it, and its two faces. */
export class TestUnit {
  readonly dir: string;
  readonly listen: string;
  readonly api: ApiClient;
  /** Every line that daemons of this unit wrote to standard output. */
  readonly log: Record<string, unknown>[] = [];
  private readonly inside: string[];
  private readonly outside: string;
  private readonly main: string | undefined;
  private child: ChildProcess | undefined;
  private end: Promise<Ended> = Promise.resolve({ code: null, signal: null });

  /**
   * `outside`: the folder as the tests see it, when the daemon lives in a mount namespace of its own. `main`: the command of
   * another release.
   */
  constructor(
    dir: string,
    listen: string,
    {
      inside = [] as string[],
      outside = dir,
      timeoutMs = 60_000,
      main = undefined as string | undefined,
    } = {},
  ) {
    this.dir = dir;
    this.listen = listen;
    this.inside = inside;
    this.outside = outside;
    this.main = main;
    this.api = new ApiClient({ dir: outside, author: 'tester', timeoutMs });
  }

  /** Make the unit without the start of another process. */
  async init(options: Omit<InitOptions, 'dir'>): Promise<this> {
    await initUnit({ dir: this.dir, ...options });
    return this;
  }

  get pid(): number {
    return this.child?.pid ?? assert.fail(`no daemon runs on ${this.dir}`);
  }

  /** Resolves when it serves; rejects with what it said when it ends instead. */
  async start(...args: string[]): Promise<this> {
    const { inside, main } = this;
    const listen = this.listen === '' ? [] : ['--listen', this.listen]; // '': where its records say
    const child = launch(['--dir', this.dir, 'serve', ...listen, ...args], { inside, main });
    this.child = child;
    this.end = ended(child);
    const err = collected(child.stderr);
    const serving = new Promise<void>(resolve => {
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', line =>
        this.hear(line, resolve),
      );
    });
    const died = this.end.then(({ code, signal }) =>
      assert.fail(`the daemon ended with ${code ?? signal}: ${err.text}`),
    );
    died.catch(() => undefined);
    await within(START_MS, Promise.race([serving, died]), 'the daemon does not serve');
    return this;
  }

  private hear(line: string, serving: () => void): void {
    if (!line.startsWith('{')) return;
    const entry = JSON.parse(line) as Record<string, unknown>;
    this.log.push(entry);
    if (entry.msg === 'serving') serving();
  }

  /** Resolves when the daemon ends, however that comes. */
  stopped(): Promise<Ended> {
    return this.end;
  }

  /** A clean stop; resolves to how it ended. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    if (this.child?.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    return within(START_MS, this.end, 'the daemon does not stop');
  }

  /** Whoever read what the daemon prints is gone. */
  closeOutput(): void {
    this.child?.stdout?.destroy();
    this.child?.stderr?.destroy();
  }

  /** The power goes: no handler runs. */
  kill(): Promise<Ended> {
    return this.stop('SIGKILL');
  }

  cli(...args: string[]): Promise<CommandResult> {
    const { inside, main } = this;
    return lockstep(['--dir', this.dir, ...args], { inside, main });
  }

  /** A command with --json; resolves to its exit code and what it answered. */
  async json<Json = { error: ErrorBody }>(...args: string[]): Promise<{ code: number | null; answer: Json }> {
    const { code, stdout, stderr } = await this.cli(...args, '--json');
    assert.equal(stderr, '', 'with --json, standard error stays empty');
    return { code, answer: JSON.parse(stdout) as Json };
  }

  /**
   * The same without the start of a process, where that is not the point: exit code and answer of a command. Of another release,
   * or in another namespace, it is a process after all.
   */
  async type<Json = unknown>(...words: string[]): Promise<{ code: number | null; answer: Json }> {
    if (this.main !== undefined || this.inside.length > 0) return this.json<Json>(...words);
    const asked = await parseCommandLine(['--dir', this.dir, '--json', ...words]);
    assert.ok(asked !== undefined, words.join(' '));
    let said = '';
    asked.out.print = text => {
      said += text;
    };
    const code = await asked.run().catch(error => {
      const refused = asLockstepError(error);
      asked.out.error(refused);
      return EXIT_OF_CLASS[refused.class];
    });
    return { code, answer: JSON.parse(said) as Json };
  }

  /** A command that does its work; resolves to its answer. */
  async typed<Json = unknown>(...words: string[]): Promise<Json> {
    const { code, answer } = await this.type<Json>(...words);
    assert.equal(code, 0, `${words.join(' ')}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Look into the store itself, secrets included, beside the daemon that may run on it. */
  async stored<Result>(look: (store: Store) => Promise<Result>): Promise<Result> {
    const port = openLmdb(path.join(this.outside, 'store'));
    const store = await Store.open({ port, catalog: builtInKinds(), rules: [], now: () => new Date() });
    return look(store).finally(() => store.close());
  }

  status(): Promise<Status> {
    return this.api.call('status');
  }

  /** A request as any program may send it, not as our client would. */
  http(method: string, url: string, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const asked = request(
        { socketPath: path.join(this.outside, 'control.sock'), method, path: url, headers },
        response => {
          const seen = collected(response);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              type: String(response.headers['content-type']),
              text: seen.text,
            }),
          );
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }
}

/** Make two running units a pair; resolves when both see each other. */
export async function pairUp(first: TestUnit, second: TestUnit): Promise<void> {
  const { code, host, port } = await first.api.call('invite');
  await second.api.call('join', { host, port, code });
  await until(
    'both units see each other',
    async () =>
      (await first.status()).partner?.seen === true && (await second.status()).partner?.seen === true,
  );
}

/** Resolves when the pair says, on both sides, that it is in step. */
export async function untilInStep(first: TestUnit, second: TestUnit, withinMs = 20_000): Promise<void> {
  await until(
    'the pair is in step',
    async () => {
      const [one, other] = await Promise.all([first.status(), second.status()]);
      return (
        one.sync.state === 'in-step' &&
        other.sync.state === 'in-step' &&
        one.unit.digest === other.unit.digest
      );
    },
    withinMs,
    async () =>
      JSON.stringify(await Promise.all([first, second].map(async unit => (await unit.status()).sync))),
  );
}

/** Ask until the answer is yes; past the deadline, fail with what was hoped for and what is known. */
export async function until(
  hope: string,
  asked: () => Promise<boolean>,
  withinMs = 20_000,
  known: () => Promise<string> = async () => '',
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await asked())) {
    if (performance.now() > deadline)
      assert.fail(`not within ${withinMs / 1000} s: ${hope}. ${await known()}`);
    await sleep(20);
  }
}

async function within<Result>(ms: number, work: Promise<Result>, otherwise: string): Promise<Result> {
  const cancel = new AbortController();
  const late = sleep(ms, undefined, { signal: cancel.signal }).then(() =>
    assert.fail(`${otherwise} within ${ms / 1000} s`),
  );
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel.abort();
  }
}
