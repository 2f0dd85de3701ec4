import type { DriftReport } from '../../api/contract/audits.ts';
import { ALARMING, NO_DRIFT } from '../../audit/classify.ts';
import type { AuditFinding, AuditReport } from '../../audit/report.ts';
import type { Problem } from '../../schema/error.ts';
import type { Store } from '../../store/store.ts';

const NAME = 'drift';
export const MAX_REPORTS = 100;
const MAX_TOLD = 20;
const LONGEST_REASON = 200;
/** Findings of which it is remembered when they were first seen. */
const MAX_SEEN = 1000;

interface Kept {
  /** Oldest first. */
  reports: DriftReport[];
  /** `class path` → ISO 8601. */
  seen: [string, string][];
  next: number;
}

const NOTHING: Kept = { reports: [], seen: [], next: 1 };

/** Drift that was met, when it came and when it went; kept with the unit. */
export class DriftReports {
  private readonly store: Pick<Store, 'writeLocal'>;
  private kept: Kept;

  private constructor(store: Pick<Store, 'writeLocal'>, kept: Kept) {
    this.store = store;
    this.kept = kept;
  }

  static async open(store: Pick<Store, 'writeLocal' | 'readLocal'>): Promise<DriftReports> {
    return new DriftReports(store, (await store.readLocal<Kept>(NAME)) ?? NOTHING);
  }

  /** Newest first. */
  get reports(): DriftReport[] {
    return [...this.kept.reports].reverse();
  }

  /** The drift that is there now. */
  get open(): DriftReport | undefined {
    const last = this.kept.reports.at(-1);
    return last?.to === null ? last : undefined;
  }

  /** `report` with when each finding that is drift was first seen; what is not in it is forgotten. */
  async seen(report: AuditReport): Promise<AuditReport> {
    const before = new Map(this.kept.seen);
    const findings = report.findings.map(finding =>
      NO_DRIFT.has(finding.class)
        ? finding
        : { ...finding, firstSeen: before.get(keyOf(finding)) ?? report.at },
    );
    const seen = findings
      .slice(0, MAX_SEEN)
      .flatMap((finding): [string, string][] =>
        finding.firstSeen === undefined ? [] : [[keyOf(finding), finding.firstSeen]],
      );
    if (JSON.stringify(seen) !== JSON.stringify(this.kept.seen)) await this.keep({ ...this.kept, seen });
    return { ...report, findings };
  }

  /** Drift is there; resolves to the report of it, and whether it was not known before. */
  async raise(
    { at, b, a, findings, more }: AuditReport,
    foundBy: DriftReport['foundBy'],
  ): Promise<{ report: DriftReport; fresh: boolean }> {
    const alarming = findings.filter(({ class: found }) => ALARMING.has(found));
    const counts: DriftReport['counts'] = {};
    for (const { class: found } of alarming) counts[found] = (counts[found] ?? 0) + 1;
    const { open, kept } = this;
    const report: DriftReport = {
      ...(open ?? { id: kept.next, from: at, to: null, foundBy, partner: b.name }),
      own: a.digest,
      theirs: b.digest,
      records: alarming.length + more,
      counts,
      findings: alarming.slice(0, MAX_TOLD).map(toldOf),
    };
    if (JSON.stringify(report) !== JSON.stringify(open)) {
      const earlier = open === undefined ? kept.reports : kept.reports.slice(0, -1);
      await this.keep({
        ...kept,
        reports: [...earlier, report].slice(-MAX_REPORTS),
        next: Math.max(kept.next, report.id + 1),
      });
    }
    return { report, fresh: open === undefined };
  }

  /** The drift is gone; resolves to the report of it, if there was any. */
  async clear(at: string): Promise<DriftReport | undefined> {
    const { open, kept } = this;
    if (open === undefined) return undefined;
    const report = { ...open, to: at };
    await this.keep({ ...kept, reports: [...kept.reports.slice(0, -1), report] });
    return report;
  }

  /** For `status`. */
  warnings(): Problem[] {
    const { open } = this;
    if (open === undefined) return [];
    const [first] = open.findings;
    const more = open.records - 1;
    return [
      {
        code: 'drift',
        path: first?.path ?? '',
        message: `The units differ where they ought to be equal, since ${open.from}: ${first?.path} (${first?.class})${more > 0 ? ` and ${more} more` : ''}.`,
        hint: 'lockstep audit names every field, and why.',
      },
    ];
  }

  private async keep(kept: Kept): Promise<void> {
    this.kept = kept;
    await this.store.writeLocal(NAME, kept);
  }
}

/** Without values, and with the words of others cut. */
function toldOf({ fields: _values, reason, ...finding }: AuditFinding): Omit<AuditFinding, 'fields'> {
  return reason === undefined ? finding : { ...finding, reason: reason.slice(0, LONGEST_REASON) };
}

function keyOf({ class: found, path }: AuditFinding): string {
  return `${found} ${path}`;
}
