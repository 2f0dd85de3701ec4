import { createHash } from 'node:crypto';
import { pauses } from '../../host/event-loop.ts';
import type { Timers } from '../../host/timers.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { Problem } from '../../schema/error.ts';
import { canonicalize } from '../../schema/json.ts';
import type { Rule } from '../../schema/rule.ts';
import type { Store } from '../../store/store.ts';
import type { Log } from '../log/log.ts';

export interface StandingProblemsOptions {
  store: Store;
  catalog: Catalog;
  rules: readonly Rule[];
  timers: Timers;
  log: Log;
}

/** What outlives the daemon, so that a start looks only at what was changed since. */
interface Kept {
  /** Digest of everything that judges. */
  by: string;
  revision: number;
  /** Of the records with problems. */
  paths: string[];
}

const NAME = 'standing-problems';
const MAX_RECORDS = 1_000;
const MAX_WARNINGS = 50;
/** After a stretch of work, so that a look at 600,000 records leaves half of a processor to others. */
const BREATH_MS = 20;

/**
 * Records that nobody could write now: an earlier release took them, or they came with an update (docs/decisions/0038-tightened-schemas.md).
 * All records are looked at once a release, and then those that commits and updates touch; status and doctor ask for nothing.
 */
export class StandingProblems {
  private readonly options: StandingProblemsOptions;
  private readonly by: string;
  private readonly found = new Map<string, Problem[]>();
  private due = new Set<string>();
  private wholeDone = false;
  private running: Promise<void> | undefined;
  private stopped = false;
  private unwatch: () => void = () => undefined;

  constructor(options: StandingProblemsOptions) {
    this.options = options;
    this.by = judges(options);
  }

  start(): void {
    this.unwatch = this.options.store.watch((_revision, paths) => {
      for (const path of paths) this.due.add(path);
      this.go();
    });
    this.go();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unwatch();
    await this.running;
  }

  /** Resolves when everything that was changed has been looked at. */
  async settled(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  warnings(): Problem[] {
    return [...this.found.values()].flat().slice(0, MAX_WARNINGS);
  }

  private go(): void {
    if (this.running !== undefined || this.stopped) return;
    this.running = this.work()
      .catch(error =>
        this.options.log.error({ reason: String(error) }, 'what records hold could not be judged'),
      )
      .finally(() => {
        this.running = undefined;
        if (this.wholeDone && this.due.size > 0) this.go();
      });
  }

  private async work(): Promise<void> {
    const { store } = this.options;
    const { revision } = store.head;
    const known = [...this.found.keys()].sort().join('\n');
    const isFirst = !this.wholeDone;
    if (isFirst) await this.begin();
    await this.look(this.takeDue());
    if (this.stopped) return;
    this.wholeDone = true;
    if (isFirst || known !== [...this.found.keys()].sort().join('\n'))
      await store.writeLocal(NAME, { by: this.by, revision, paths: [...this.found.keys()] } satisfies Kept);
  }

  /** What was found before and what was changed since is due; or everything, where other rules held then. */
  private async begin(): Promise<void> {
    const { store } = this.options;
    const kept = await store.readLocal<Kept>(NAME);
    const since =
      kept?.by === this.by ? await store.touchedSince(kept.revision).catch(() => undefined) : undefined;
    if (kept === undefined || since === undefined) await this.look(store.paths(''));
    else for (const path of [...kept.paths, ...since]) this.due.add(path);
  }

  private takeDue(): string[] {
    const due = [...this.due];
    this.due = new Set();
    return due;
  }

  private async look(paths: Iterable<string> | AsyncIterable<string>): Promise<void> {
    const { store } = this.options;
    let rest = pauses();
    for await (const path of paths) {
      const turn = rest();
      if (turn !== undefined) {
        await turn;
        await new Promise<void>(resolve => this.options.timers.after(BREATH_MS, resolve));
        rest = pauses();
      }
      if (this.stopped) return;
      // What cannot be read is damage, which others look for.
      const problems = await store.standingProblems(path).catch(() => []);
      if (problems.length === 0) this.found.delete(path);
      else if (this.found.has(path) || this.found.size < MAX_RECORDS) this.found.set(path, problems);
    }
  }
}

function judges({ catalog, rules }: StandingProblemsOptions): string {
  const hash = createHash('sha256');
  for (const { schema } of catalog.kinds) hash.update(canonicalize(schema));
  for (const { code, severity, holds } of rules) hash.update(`${code} ${severity} ${holds}`);
  return hash.digest('hex');
}
