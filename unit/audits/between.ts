import { randomBytes } from 'node:crypto';
import { compare } from '../../audit/compare.ts';
import type { Question } from '../../audit/facts.ts';
import { recheck } from '../../audit/recheck.ts';
import { type AuditReport, makeReport } from '../../audit/report.ts';
import { elapsedMs } from '../../host/stopwatch.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { JsonObject } from '../../schema/json.ts';

/** A unit that answers questions, wherever it runs. */
export type Answering = (question: JsonObject) => Promise<JsonObject>;

/** Compares two units that know nothing of each other. Throws what asking them throws. */
export async function auditBetween(
  a: Answering,
  b: Answering,
  { catalog, all = false }: { catalog: Catalog; all?: boolean },
): Promise<AuditReport> {
  const started = performance.now();
  const side = (unit: Answering) => ({
    ask: (question: Question) => unit(question as unknown as JsonObject) as Promise<never>,
  });
  const options = { catalog, nonce: randomBytes(32).toString('hex'), all };
  const [one, other] = [side(a), side(b)];
  const compared = await compare(one, other, options);
  const found = compared.settled ? compared : await recheck(compared, one, other, options);
  const ms = elapsedMs(started, performance.now());
  return makeReport(found, new Date().toISOString(), ms);
}
