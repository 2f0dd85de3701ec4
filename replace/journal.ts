import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import { isObject, type Json } from '../schema/json.ts';
import type { Facts } from './observe.ts';
import type { Plan } from './plan.ts';

const EVENTS = ['planned', 'begun', 'done', 'refused', 'waiting', 'back', 'ended'] as const;

/** One line of the journal. */
export interface Entry {
  at: string;
  by: string;
  event: (typeof EVENTS)[number];
  /** Empty: it is about the whole replacement. */
  step: string;
  facts: Facts;
}

const PLAN = 'plan.json';
const JOURNAL = 'journal.jsonl';

/** What is known of a replacement: its plan and its journal, in a folder, without a secret. */
export class Journal {
  readonly folder: string;
  readonly plan: Plan;
  readonly entries: Entry[];
  private readonly by: string;

  private constructor(folder: string, plan: Plan, entries: Entry[], by: string) {
    this.folder = folder;
    this.plan = plan;
    this.entries = entries;
    this.by = by;
  }

  /** A new one. Throws `file-exists` when the folder holds one, and the errors of the file system. */
  static async start(folder: string, plan: Plan, by: string): Promise<Journal> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const taken = await readFile(join(folder, PLAN)).then(
      () => true,
      () => false,
    );
    if (taken)
      throw new LockstepError('file-exists', `${folder} holds a replacement already.`, {
        hint: 'lockstep replace status shows it; name another folder with --state.',
      });
    const text = `${JSON.stringify(plan, null, 2)}\n`;
    const file = await open(join(folder, `${PLAN}.new`), 'w', 0o600);
    await file.writeFile(text).then(() => file.sync());
    await file.close();
    await rename(join(folder, `${PLAN}.new`), join(folder, PLAN));
    await keepNames(folder);
    const journal = new Journal(folder, plan, [], by);
    await journal.write('planned', '', { kind: plan.kind });
    return journal;
  }

  /** Throws `no-replacement`; `damaged-store` for a plan or a line that cannot be read. */
  static async open(folder: string, by: string): Promise<Journal> {
    const text = await readFile(join(folder, PLAN), 'utf8').catch(() => {
      throw new LockstepError('no-replacement', `${folder} holds no replacement.`, {
        hint: 'Make a plan with lockstep replace plan FILE.yaml, or name its folder with --state.',
      });
    });
    const plan = { others: [], ...parsed(text, PLAN) } as unknown as Plan;
    if (plan.version !== 1) throw damaged(PLAN, 'it was made by another version');
    const lines = await readFile(join(folder, JOURNAL), 'utf8').catch(() => '');
    return new Journal(folder, plan, readLines(lines), by);
  }

  /** Durable when it resolves. Throws `disk`, naming the folder. */
  async write(event: Entry['event'], step: string, facts: Facts = {}): Promise<void> {
    const entry: Entry = { at: new Date().toISOString(), by: this.by, event, step, facts };
    await this.append(`${JSON.stringify(entry)}\n`).catch(error => {
      throw onThisDisk(error, `The journal in ${this.folder}`);
    });
    this.entries.push(entry);
  }

  private async append(line: string): Promise<void> {
    const file = await open(join(this.folder, JOURNAL), 'a+', 0o600);
    try {
      await dropTorn(file);
      await file.appendFile(line);
      await file.datasync();
    } finally {
      await file.close();
    }
    if (this.entries.length === 0) await keepNames(this.folder); // a new file lives in its folder
  }

  /** Whether the way is back. */
  get isBack(): boolean {
    return this.entries.some(({ event }) => event === 'back');
  }

  get begun(): Set<string> {
    return new Set(this.entries.filter(({ event }) => event === 'begun').map(({ step }) => step));
  }

  get done(): Set<string> {
    return new Set(this.entries.filter(({ event }) => event === 'done').map(({ step }) => step));
  }

  /** What the steps ended with; of one that was done twice, the last. */
  get facts(): Partial<Record<string, Facts>> {
    const ended = this.entries.filter(({ event }) => event === 'done');
    return Object.fromEntries(ended.map(({ step, facts }) => [step, facts]));
  }
}

/** A new name lives in its folder: without this a power cut may take the file along. */
export async function keepNames(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Says of a write that failed on the machine of the runner what it was. */
export function onThisDisk(error: unknown, what: string): LockstepError {
  const known = asLockstepError(error);
  if (known.code !== 'disk') return known;
  return new LockstepError('disk', `${what} could not be written: ${known.message}`, {
    hint: 'Free space there, then type lockstep replace run again: it goes on where the units stand.',
    facts: known.facts,
  });
}

/** The last line may have been cut off by a power failure; it was never acted upon. */
function readLines(text: string): Entry[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter(line => line !== '')
    .map(line => parsed(line, JOURNAL) as unknown as Entry);
}

async function dropTorn(file: Awaited<ReturnType<typeof open>>): Promise<void> {
  const { size } = await file.stat();
  if (size === 0) return;
  const text = await file.readFile('utf8');
  const whole = Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1));
  if (whole < size) await file.truncate(whole);
}

function parsed(text: string, name: string): Record<string, Json> {
  try {
    const value = JSON.parse(text) as Json;
    if (isObject(value)) return value;
  } catch {
    // told below
  }
  throw damaged(name, 'it is not JSON');
}

function damaged(name: string, why: string): LockstepError {
  return new LockstepError('damaged-store', `${name} of the replacement cannot be read: ${why}.`, {
    hint: 'Take it from a copy of the folder; or make a new plan from where the units stand.',
  });
}
