import type { ChangeAnswer, Safety } from '../../api/contract/changes.ts';
import { type Moment, makeDeadline } from '../../host/deadline.ts';
import { elapsedMs } from '../../host/stopwatch.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import type { CommitRequest, CommitResult } from '../../store/store.ts';
import { touchesPair } from '../../store/transition.ts';
import { guardOf } from '../access/roles.ts';
import type { Connections } from '../pair/connections.ts';
import type { Updates } from '../pair/updates.ts';

/** What the store is told beside the changes. */
export type How = Required<Pick<CommitRequest, 'dryRun' | 'expected' | 'provisional' | 'guard'>>;

type Answer = Pick<ChangeAnswer, 'ms' | 'provisional' | 'standby'>;

/** Makes commits as carefully as their author asked: provisionally, or only when the standby takes them too. */
export class Committing {
  private readonly updates: Pick<Updates, 'force' | 'tryOut'>;
  private readonly connections: Pick<Connections, 'activePartner'>;
  private readonly clock: () => Moment;
  private readonly stopwatch: () => number;

  /** `stopwatch`: monotonic milliseconds. */
  constructor(
    updates: Committing['updates'],
    connections: Committing['connections'],
    clock: () => Moment,
    stopwatch: () => number,
  ) {
    this.updates = updates;
    this.connections = connections;
    this.clock = clock;
    this.stopwatch = stopwatch;
  }

  async make<Result extends CommitResult>(
    {
      dryRun = false,
      expected,
      confirm,
      wait = false,
      role = 'operate',
    }: Safety & { dryRun?: boolean; expected?: number },
    commit: (how: How) => Promise<Result>,
  ): Promise<{ result: Result } & Answer> {
    const started = this.stopwatch();
    const guard = guardOf(role);
    const act = (how: Pick<How, 'dryRun' | 'expected'>): Promise<Result> =>
      commit({ ...how, guard, provisional: this.terms(confirm) }).catch(error => this.nameActive(error));
    const result = wait && !dryRun ? await this.afterTrial(expected, act) : await act({ dryRun, expected });
    const changed = !dryRun && result.changes.length > 0;
    const ms = elapsedMs(started, this.stopwatch());
    return {
      result,
      ...(changed ? { ms } : {}),
      ...(changed && confirm !== undefined ? { provisional: this.until(confirm) } : {}),
      ...(wait && !dryRun ? { standby: await this.update() } : {}),
    };
  }

  /** Nothing is changed here before the standby, in step, has said that it would take it. */
  private async afterTrial<Result extends CommitResult>(
    expected: number | undefined,
    act: (how: Pick<How, 'dryRun' | 'expected'>) => Promise<Result>,
  ): Promise<Result> {
    await this.updates.force();
    const planned = await act({ dryRun: true, expected });
    const changes = planned.changes
      .filter(touchesPair)
      .map(({ path, after }) => ({ path, value: after.pair ?? null }));
    if (changes.length > 0) await this.updates.tryOut(changes);
    return act({ dryRun: false, expected: planned.revision });
  }

  /** The change stands, whatever becomes of the update. */
  private async update(): Promise<NonNullable<ChangeAnswer['standby']>> {
    try {
      return { receipt: await this.updates.force() };
    } catch (error) {
      return { error: asLockstepError(error).toJSON() };
    }
  }

  private terms(minutes: number | undefined): How['provisional'] {
    return minutes === undefined
      ? undefined
      : { minutes, deadline: makeDeadline(minutes * 60_000, this.clock()) };
  }

  private until(minutes: number): { minutes: number; until: string } {
    return { minutes, until: new Date(this.clock().wall + minutes * 60_000).toISOString() };
  }

  /** "Change it on the active unit" helps only who knows which one that is. */
  nameActive(error: unknown): never {
    const active = this.connections.activePartner();
    if (!(error instanceof LockstepError) || error.code !== 'not-active' || active === undefined) throw error;
    throw new LockstepError('not-active', error.message, {
      hint: `Type the command on ${active.name} (${active.host}), or make this unit active with lockstep takeover.`,
      facts: { ...error.facts, active },
    });
  }
}
