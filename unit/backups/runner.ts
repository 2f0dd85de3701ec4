import { mkdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BackupRun, BackupStatus } from '../../api/contract/status.ts';
import { saveBundle } from '../../backup/save.ts';
import { afterFailure, afterSuccess, dueAt, type RunBook } from '../../backup/schedule.ts';
import type { Timers } from '../../host/timers.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { asLockstepError, type LockstepError, type Problem } from '../../schema/error.ts';
import type { Store } from '../../store/store.ts';
import type { RecordStep } from '../changes/views.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';
import { backUp } from './backing-up.ts';
import type { BundleFolder } from './bundle-folder.ts';
import type { Drills } from './drills.ts';
import { type BackupPlan, planFault, readBackupPlan, remoteFault } from './schedule-plan.ts';

/** Brings a file to the place that the schedule names; resolves to what it is called there. */
export type SendBundle = (remote: BackupPlan['remote'], file: string, name: string) => Promise<string>;

/** Sends a bundle of the folder of the unit; what `given` does not say comes from the schedule. Throws `backup-unset`. */
export async function sendFromFolder(
  { store, bundles, send }: { store: Store; bundles: BundleFolder; send: SendBundle },
  name: string,
  given: Partial<BackupPlan['remote']>,
): Promise<string> {
  const { remote } = await readBackupPlan(store.catalog, path => store.read(path));
  const { host, user, path, key = remote.key, hostKey = remote.hostKey } = given;
  const target = { host, user, path, key, hostKey };
  const fault = remoteFault(target);
  if (fault !== undefined) throw fault;
  return send(target, await bundles.find(name), name);
}

export interface BackupRunnerOptions {
  store: Store;
  catalog: Catalog;
  unitId: string;
  /** How much later than its schedule says this unit runs (milliseconds), as the first or second of its pair. */
  spread(isSecond: boolean): number;
  drills: Drills;
  bundles: BundleFolder;
  send: SendBundle;
  timers: Timers;
  now(): Date;
  events: Events;
  log: Log;
}

/** What outlives the daemon. */
interface Runs extends RunBook {
  /** Times and zone that it is about; others begin anew. */
  about: string;
  last?: BackupRun;
  /** A bundle that was made and could not be sent: the next attempt sends it. */
  unsent?: string | undefined;
}

const NAME = 'backup-runs';
/** The clock of the machine may be set: it is looked at this often. */
const LOOK_MS = 60_000;
const CONCERNING = new Set(['backupSchedule', 'time', 'ha']);

/** Makes bundles when the schedule says so, drills each, and removes those that the policy does not keep. */
export class BackupRunner {
  private readonly options: BackupRunnerOptions;
  private runs: Runs;
  private plan: BackupPlan;
  private cancel: () => void = () => undefined;
  private unwatch: () => void = () => undefined;
  private running: Promise<void> | undefined;
  private stopped = false;

  private constructor(options: BackupRunnerOptions, runs: Runs, plan: BackupPlan) {
    this.options = options;
    this.runs = runs;
    this.plan = plan;
  }

  static async start(options: BackupRunnerOptions): Promise<BackupRunner> {
    const { store, bundles, now } = options;
    const plan = await readPlan(options);
    const runs = (await store.readLocal<Runs>(NAME)) ?? newRuns(plan, now());
    const runner = new BackupRunner(options, runs, plan);
    await bundles.sweep(now());
    runner.unwatch = store.watch((_revision, paths) => {
      if (paths.some(path => CONCERNING.has(path))) runner.look();
    });
    runner.look();
    return runner;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unwatch();
    this.cancel();
    await this.running;
  }

  /** Resolves when no run is going on. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  get policy(): BackupPlan['policy'] {
    return this.plan.policy;
  }

  get timeZone(): string {
    return this.plan.times.timeZone;
  }

  get status(): BackupStatus {
    const { plan, runs } = this;
    return {
      schedule: plan.enabled
        ? { method: plan.method, nextRunAt: this.dueAt.toISOString(), failures: runs.failures }
        : null,
      lastRun: runs.last ?? null,
      drill: this.options.drills.latest,
    };
  }

  /** What a person should know: it lacks something, the last run failed, nothing is proved. */
  warnings(): Problem[] {
    const { plan, runs } = this;
    if (!plan.enabled) return [];
    const warnings: Problem[] = [];
    const fault = planFault(plan);
    if (fault !== undefined) warnings.push(faultProblem(fault));
    else if (runs.failures > 0)
      warnings.push({
        code: 'backup-failed',
        path: 'backupSchedule',
        message: `the last ${runs.failures === 1 ? 'backup' : `${runs.failures} attempts of a backup`} failed: ${runs.last?.reason ?? 'no reason is known'}`,
        hint: 'It is tried again by itself, at the latest after an hour.',
      });
    const { last, passed } = this.options.drills.latest;
    if (last?.reason !== undefined)
      warnings.push({
        code: 'drill-failed',
        path: 'backupSchedule',
        message: `the last drill of a backup failed: ${last.reason}`,
        hint: 'lockstep backup drill FILE tries another bundle.',
      });
    else if (passed === null && runs.last?.name !== undefined)
      warnings.push({
        code: 'backup-unproved',
        path: 'backupSchedule',
        message: 'no drill of a backup has ever passed',
        hint: 'lockstep backup drill FILE restores one on a scratch unit.',
      });
    return warnings;
  }

  /** What a change of the schedule that was made or tried out makes it lack. */
  async causedBy(steps: RecordStep[]): Promise<Problem[]> {
    if (!steps.some(({ path }) => CONCERNING.has(path))) return [];
    const [before, after] = [await this.faultAt(steps, 'before'), await this.faultAt(steps, 'after')];
    return after === undefined || after.message === before?.message ? [] : [faultProblem(after)];
  }

  private async faultAt(
    steps: RecordStep[],
    side: 'before' | 'after',
  ): Promise<ReturnType<typeof planFault>> {
    const { catalog, store } = this.options;
    const touched = new Map(steps.map(step => [step.path, step[side]]));
    const plan = await readBackupPlan(catalog, async path =>
      touched.has(path) ? touched.get(path) : store.read(path),
    );
    return plan.enabled ? planFault(plan) : undefined;
  }

  private get dueAt(): Date {
    return dueAt(this.plan.times, this.runs, this.spread);
  }

  private get spread(): number {
    return this.options.spread(this.plan.isSecond);
  }

  /** Is it time? Then a bundle is made; otherwise it is looked again. One run at a time. */
  private look(): void {
    if (this.stopped || this.running !== undefined) return;
    this.cancel();
    this.running = this.act()
      .catch(error =>
        this.options.log.error({ reason: String(error) }, 'the backup schedule cannot be followed'),
      )
      .finally(() => {
        this.running = undefined;
        if (!this.stopped) this.cancel = this.options.timers.after(LOOK_MS, () => this.look());
      });
  }

  private async act(): Promise<void> {
    const { now } = this.options;
    this.plan = await readPlan(this.options);
    if (this.runs.about !== aboutOf(this.plan)) {
      const { last } = this.runs;
      await this.keep({ ...newRuns(this.plan, now()), ...(last === undefined ? {} : { last }) });
    }
    if (this.plan.enabled && this.dueAt <= now()) await this.run();
  }

  private async run(): Promise<void> {
    const { now, log, events } = this.options;
    const startedAt = now();
    try {
      const run = await this.make(startedAt);
      await this.keep({ about: this.runs.about, ...afterSuccess(startedAt, this.spread), last: run });
      log.info(run, 'a scheduled backup was made');
      events.emit('backupRun', { result: 'done' });
    } catch (error) {
      const { code, message } = asLockstepError(error);
      const at = now();
      const { unsent } = this.runs;
      const last = { at: at.toISOString(), code, reason: message };
      await this.keep({ about: this.runs.about, ...afterFailure(this.runs, at), last, unsent });
      log.error({ code, reason: message, failures: this.runs.failures }, 'a scheduled backup failed');
      events.emit('backupRun', { result: 'failed' });
    }
  }

  private async make(startedAt: Date): Promise<BackupRun> {
    const { drills, bundles, send, now, log } = this.options;
    const { plan } = this;
    const fault = planFault(plan);
    if (fault !== undefined) throw fault;
    const passphrase = plan.passphrase as string;
    const name = (await this.unsent()) ?? (await this.write(startedAt, passphrase));
    const file = join(bundles.folder, name);
    let to = file;
    if (plan.method !== 'local') {
      await this.keep({ ...this.runs, unsent: name });
      to = await send(plan.remote, file, name);
    }
    // A bundle that fails its drill stays, and status says so; the next one is made in its time.
    await drills.drill(file, name, passphrase).catch(() => undefined);
    await bundles.prune(plan.policy, plan.times.timeZone, {}).catch(error => {
      log.error({ reason: String(error) }, 'old bundles could not be removed');
    });
    return { at: now().toISOString(), name, to, bytes: (await stat(file)).size };
  }

  private async unsent(): Promise<string | undefined> {
    const { unsent } = this.runs;
    if (unsent === undefined) return undefined;
    const there = await stat(join(this.options.bundles.folder, unsent)).catch(() => undefined);
    return there === undefined ? undefined : unsent;
  }

  private async write(startedAt: Date, passphrase: string): Promise<string> {
    const { store, catalog, unitId, bundles } = this.options;
    const snapshot = await store.snapshot();
    const { facts, bytes } = await backUp(snapshot, catalog, unitId, startedAt, { passphrase });
    await mkdir(bundles.folder, { recursive: true, mode: 0o700 });
    const wanted = join(bundles.folder, facts.name);
    const { file } = await saveBundle(bytes, wanted, { passphrase, mayNumber: true });
    return basename(file);
  }

  private async keep(runs: Runs): Promise<void> {
    await this.options.store.writeLocal(NAME, runs);
    this.runs = runs;
  }
}

function faultProblem({ code, message, hint }: LockstepError): Problem {
  return {
    code,
    path: 'backupSchedule',
    message: message.replace(/\.$/, ''),
    ...(hint === undefined ? {} : { hint }),
  };
}

function readPlan({ catalog, store }: BackupRunnerOptions): Promise<BackupPlan> {
  return readBackupPlan(catalog, path => store.read(path));
}

/** A schedule that is new, or was changed, makes up for nothing. */
function newRuns(plan: BackupPlan, now: Date): Runs {
  return { about: aboutOf(plan), ...afterSuccess(now) };
}

function aboutOf({ enabled, times }: BackupPlan): string {
  return JSON.stringify([enabled, times]);
}
