import type { AuditReport } from '../../api/contract/audits.ts';
import type { AuditEnd } from '../../audit/report.ts';

/** One end of an audit, as a unit tells of itself. */
export const CANNED_END: AuditEnd = {
  is: 'unit',
  name: 'lb1',
  role: 'active',
  revision: 7,
  digest: 'd'.repeat(64),
  epoch: 1,
  release: '1',
};

/** The report of an audit that found nothing. */
export const CANNED_REPORT: AuditReport = {
  at: '2026-01-01T00:00:00.000Z',
  a: CANNED_END,
  b: CANNED_END,
  verdict: 'same',
  counts: {},
  findings: [],
  more: 0,
  exchanges: 1,
  ms: 1,
  settled: true,
};
