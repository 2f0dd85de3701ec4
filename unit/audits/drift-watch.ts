import type { DriftReport } from '../../api/contract/audits.ts';
import { type AlarmFacts, type Standing, suspicion } from '../../audit/alarm.ts';
import { ALARMING } from '../../audit/classify.ts';
import type { AuditReport } from '../../audit/report.ts';
import type { Timers } from '../../host/timers.ts';
import { Turn } from '../../host/turn.ts';
import { asLockstepError } from '../../schema/error.ts';
import type { Store } from '../../store/store.ts';
import { heldBack, type OwnFacts, type SyncState } from '../../sync/state.ts';
import type { Log } from '../log/log.ts';
import type { Health } from '../store-care/health.ts';
import type { DriftReports } from './drift-reports.ts';

export interface DriftWatchOptions {
  store: Store;
  health: Health;
  reports: DriftReports;
  /** undefined without a partner. */
  syncState(): SyncState | undefined;
  /** This unit against its partner. */
  audit(): Promise<AuditReport>;
  /** Drift came, or went. */
  onChange(event: 'found' | 'gone', report: DriftReport): void;
  timers: Timers;
  now(): Date;
  log: Log;
}

/** An update does not wait longer than this for a look at what it would put right. */
const LOOK_MS = 3_000;
/** Records that are held against their hashes at each interval; a small configuration is seen whole. */
const RECORDS_A_LOOK = 2_000;

/**
 * Looks at every update interval, and before an update that starts from an unexpected state, whether the units hold what they
 * confirmed to each other. Equal or expected digests cost nothing; others an audit, which decides.
 */
export class DriftWatch {
  private readonly options: DriftWatchOptions;
  private position = 0;
  private readonly looking = new Turn();
  private stopped = false;

  constructor(options: DriftWatchOptions) {
    this.options = options;
  }

  /** Resolves when nothing is looked at any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.looking.settled();
  }

  /** An interval has passed. */
  due(): Promise<void> {
    return this.inTurn(async () => {
      await this.verifySome();
      await this.look('the interval');
    });
  }

  /** An update is about to make the partner equal, whatever it holds. */
  async beforeUpdate(): Promise<void> {
    if (this.suspects() === undefined) return;
    const { timers } = this.options;
    let cancel = (): void => undefined;
    const late = new Promise<void>(resolve => {
      cancel = timers.after(LOOK_MS, resolve);
    });
    await Promise.race([this.inTurn(() => this.look('an update')), late]);
    cancel();
  }

  /** An update is over: what it has put right is gone. */
  async settled(): Promise<void> {
    if (this.options.reports.open === undefined) return;
    await this.inTurn(async () => {
      if (this.isKnown() && (await this.suspicionNow()) === undefined) await this.clear();
    });
  }

  /** An audit of this unit against its partner was made. */
  async note(report: AuditReport, foundBy: DriftReport['foundBy']): Promise<AuditReport> {
    const { reports, onChange, log } = this.options;
    const told = await reports.seen(report);
    // What is alarming was proved, even where the rest moved meanwhile.
    if (!told.findings.some(({ class: found }) => ALARMING.has(found))) {
      if (told.settled) await this.clear();
      return told;
    }
    const { report: kept, fresh } = await reports.raise(told, foundBy);
    if (!fresh) return told;
    const { records, counts, findings, partner } = kept;
    log.warn({ partner, records, counts, foundBy, findings: findings.slice(0, 5) }, 'drift found');
    onChange('found', kept);
    return told;
  }

  private async look(foundBy: DriftReport['foundBy']): Promise<void> {
    if (this.stopped || !this.isKnown()) return;
    if ((await this.suspicionNow()) === undefined) return this.clear();
    await this.note(await this.options.audit(), foundBy);
  }

  private async clear(): Promise<void> {
    const { reports, now, log, onChange } = this.options;
    const report = await reports.clear(now().toISOString());
    if (report === undefined) return;
    log.info({ partner: report.partner, since: report.from }, 'drift is gone');
    onChange('gone', report);
  }

  /** Part of the store against its hashes: what lies there may have changed without anybody writing it. */
  private async verifySome(): Promise<void> {
    const { store, health } = this.options;
    if (this.stopped) return;
    const snapshot = await store.snapshot();
    try {
      const { findings, next } = await snapshot.verifyLeaves(this.position, RECORDS_A_LOOK);
      this.position = next ?? 0;
      health.found('the interval', findings);
    } finally {
      snapshot.close();
    }
  }

  /** The partner is seen, and no update is under way, which would be half of a change. */
  private isKnown(): boolean {
    const state = this.options.syncState();
    if (state === undefined || state.link !== 'up' || state.partner === undefined) return false;
    return state.work.step === 'idle' || state.work.step === 'preparing';
  }

  /** What can be told without reading anything; the history may explain it. */
  private suspects(): ReturnType<typeof suspicion> {
    const state = this.options.syncState();
    if (state?.partner === undefined || !this.isKnown()) return undefined;
    return suspicion({ ...this.standings(state), partnerHeldAt: undefined, partnerCommonAt: undefined });
  }

  private async suspicionNow(): Promise<ReturnType<typeof suspicion>> {
    const state = this.options.syncState();
    if (state?.partner === undefined) return undefined;
    const { store } = this.options;
    const { digest, common } = state.partner;
    return suspicion({
      ...this.standings(state),
      partnerHeldAt: await store.revisionWithDigest(digest),
      partnerCommonAt: common === '' ? undefined : await store.revisionWithDigest(common),
    });
  }

  private standings(state: SyncState): Pick<AlarmFacts, 'own' | 'partner' | 'commonRevision'> {
    const { partner, own } = state;
    const held = heldBack(state)?.records ?? 0;
    return {
      own: standing(own, held),
      partner: partner === undefined ? standing(own, held) : standing(partner, partner.heldBack),
      commonRevision: this.options.store.head.commonRevision,
    };
  }

  /** One look after the other; what fails is told, and tried again at the next interval. */
  private inTurn(act: () => Promise<void>): Promise<void> {
    return this.looking.take(act).catch(error => {
      const { code, message } = asLockstepError(error);
      this.options.log.warn({ code, reason: message }, 'could not look for drift');
    });
  }
}

type Said = Pick<OwnFacts, 'role' | 'digest' | 'common' | 'established' | 'damaged' | 'schemaDigest'>;

function standing(
  { role, digest, common, established, damaged, schemaDigest }: Said,
  held: number,
): Standing {
  return { role, digest, common, established, damaged: damaged === true, heldBack: held, schemaDigest };
}
