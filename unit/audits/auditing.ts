import type { AuditReport, AuditRequest, DriftReport, ProofAnswer } from '../../api/contract/audits.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Partner } from '../../sync/pairing.ts';
import type { SyncState } from '../../sync/state.ts';
import type { Events } from '../events.ts';
import { type Page, pageOf } from '../pages.ts';
import { Auditor, type AuditorOptions } from './auditor.ts';
import { DriftAlert, type DriftAlertOptions } from './drift-alert.ts';
import { DriftReports } from './drift-reports.ts';
import { DriftWatch, type DriftWatchOptions } from './drift-watch.ts';
import { Prover, type ProverOptions } from './prover.ts';

/** What the pair tells of itself for audits. */
export interface AuditedPair {
  syncState(): SyncState | undefined;
  partner(): Partner | undefined;
  /** Throws `not-paired`, `partner-unreachable`. */
  ask(question: JsonObject): Promise<JsonObject>;
  self(): { name: string; unitId: string; pairId: string; release: string };
}

export type AuditingOptions = Omit<AuditorOptions, 'self' | 'askPartner'> &
  Pick<DriftWatchOptions, 'timers' | 'log'> &
  Pick<DriftAlertOptions, 'runHook' | 'sendMail'> &
  Pick<ProverOptions, 'hostKey'> & { events: Events; pair: AuditedPair };

/** All that a unit does about audits: on demand, at every interval, and for its partner. */
export class Auditing {
  private readonly auditor: Auditor;
  private readonly reports: DriftReports;
  private readonly watch: DriftWatch;
  private readonly alert: DriftAlert;
  private readonly prover: Prover;

  private constructor(options: AuditingOptions, reports: DriftReports) {
    const { store, pair, events } = options;
    const self = () => pair.self();
    const askPartner = (question: JsonObject): Promise<JsonObject> => pair.ask(question);
    this.reports = reports;
    this.auditor = new Auditor({ ...options, self, askPartner });
    this.prover = new Prover({ ...options, self, askPartner, partner: () => pair.partner() });
    this.alert = new DriftAlert({ ...options, self, read: path => store.read(path) });
    this.watch = new DriftWatch({
      ...options,
      reports,
      syncState: () => pair.syncState(),
      audit: () => this.auditor.audit(LOCAL_TO_PARTNER),
      onChange: (event, report) => {
        events.emit(event === 'found' ? 'driftFound' : 'driftGone', report);
        this.alert.tell(event, report);
      },
    });
  }

  static async open(options: AuditingOptions): Promise<Auditing> {
    return new Auditing(options, await DriftReports.open(options.store));
  }

  async stop(): Promise<void> {
    await this.watch.stop();
    await this.alert.settled();
  }

  async audit(request: AuditRequest): Promise<AuditReport> {
    const report = await this.auditor.audit(request);
    const ofThePair = request.a.of === 'local' && request.b.of === 'partner';
    return ofThePair ? this.watch.note(report, 'an audit') : report;
  }

  async auditHistory(page: Page = {}): Promise<{ reports: DriftReport[]; next?: string }> {
    const { items: reports, ...rest } = pageOf(this.reports.reports, page, ({ id }) => String(id));
    return { reports, ...rest };
  }

  auditAsk(question: JsonObject): Promise<JsonObject> {
    return this.auditor.answer(question);
  }

  auditProof(): Promise<ProofAnswer> {
    return this.prover.prove();
  }

  /** The partner asks. Throws `bad-message`. */
  async answerPartner(question: JsonObject): Promise<JsonObject> {
    return question.ask === 'sign' ? this.prover.answer(question) : this.auditor.answer(question);
  }

  /** An update interval has passed. Resolves when what there was to look at is seen. */
  due(): Promise<void> {
    return this.watch.due();
  }

  beforeUpdate(): Promise<void> {
    return this.watch.beforeUpdate();
  }

  settled(): void {
    void this.watch.settled();
  }

  warnings(): ReturnType<DriftReports['warnings']> {
    return this.reports.warnings();
  }

  /** Records that differ where they ought to be equal. */
  get driftRecords(): number {
    return this.reports.open?.records ?? 0;
  }
}

const LOCAL_TO_PARTNER: AuditRequest = { a: { of: 'local' }, b: { of: 'partner' } };
