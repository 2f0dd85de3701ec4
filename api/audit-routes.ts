import type { JsonObject } from '../schema/json.ts';
import type { AuditRequest } from '../unit/audits/contract.ts';
import * as schemas from './audit-schemas.ts';
import type { Route } from './route.ts';
import { nothing } from './schemas.ts';

export const AUDIT_ROUTES: Route[] = [
  {
    method: 'POST',
    url: '/v1/audit',
    summary: 'What differs between two states, and why',
    needs: 'read',
    heavy: true,
    body: schemas.auditRequest,
    answer: schemas.auditReport,
    call: (unit, { body }) => unit.audit(body as AuditRequest),
  },
  {
    method: 'GET',
    url: '/v1/audit/history',
    summary: 'The drift that came and went',
    needs: 'read',
    answer: schemas.auditHistory,
    call: unit => unit.auditHistory(),
  },
  {
    method: 'POST',
    // Whoever chooses the nonce of the hashes could guess at weak secrets.
    url: '/v1/audit/ask',
    summary: 'One question about this unit, for an audit that is made elsewhere; secrets are keyed hashes',
    needs: 'admin',
    heavy: true,
    body: schemas.auditQuestion,
    answer: schemas.auditAnswer,
    call: (unit, { body }) => unit.auditAsk(body as JsonObject),
  },
  {
    method: 'POST',
    url: '/v1/audit/proof',
    summary: 'A signed proof that both units hold one state',
    needs: 'read',
    body: nothing,
    answer: schemas.proofAnswer,
    call: unit => unit.auditProof(),
  },
];
