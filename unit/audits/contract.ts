import type { DriftClass } from '../../audit/classify.ts';
import type { Proof, ProvedFacts } from '../../audit/proof.ts';
import type { AuditFinding, AuditReport } from '../../audit/report.ts';
import type { JsonObject } from '../../schema/json.ts';

export type { AuditFinding, AuditReport, DriftClass, Proof, ProvedFacts };

/** What a unit offers of the audit (docs/DOMAIN.md, Audit). */
export interface AuditFace {
  /** Compares two states. Throws `partner-unreachable`, `not-paired`, `no-such-revision`, and what opening a bundle throws. */
  audit(request: AuditRequest): Promise<AuditReport>;
  /** The drift that came and went, newest first. */
  auditHistory(): Promise<{ reports: DriftReport[] }>;
  /** One question about this unit, for an audit that somebody else makes. */
  auditAsk(question: JsonObject): Promise<JsonObject>;
  /** Both units' word that they hold one state. */
  auditProof(): Promise<ProofAnswer>;
}

export type AuditTarget =
  | { of: 'local' }
  | { of: 'partner' }
  | { of: 'revision'; revision: number }
  /** `upload`: what POST /v1/restore/upload answered; it is gone after the audit. */
  | { of: 'bundle'; upload: string; passphrase: string; name: string };

export interface AuditRequest {
  a: AuditTarget;
  b: AuditTarget;
  /** With what differs by design: what belongs to each unit alone. */
  all?: boolean;
}

/** Drift that an update interval, an update or an audit has met; kept until 100 newer ones are there. */
export interface DriftReport {
  id: number;
  from: string;
  /** null: it is still there. */
  to: string | null;
  foundBy: 'the interval' | 'an update' | 'an audit';
  partner: string;
  /** Digests when it was found. */
  own: string;
  theirs: string;
  /** How many findings there were at most, and of which class. */
  records: number;
  counts: Partial<Record<DriftClass, number>>;
  /** The first 20, without values. */
  findings: Omit<AuditFinding, 'fields'>[];
}

export interface ProofAnswer {
  /** null: they hold different states. */
  proof: Proof | null;
  digest: string;
  partnerDigest: string;
}
