import { checkCertificate } from '../../certs/check.ts';
import type { CertificateFinding } from '../../certs/finding.ts';
import { commonNameFindings } from '../../certs/names.ts';
import type { X509 } from '../../certs/x509.ts';
import type { Problem } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { RecordStep } from '../changes/views.ts';
import { problemsOf, useOf } from './findings.ts';
import { hostsOf, hostTrouble, ownCertificates } from './hosts.ts';
import { type HeldCertificate, isCertificate, isService, parentService, readHeld } from './registry.ts';
import { certificateProblems, hostProblems, serviceProblem } from './warnings.ts';

/** What is known of the records that a change did not touch. */
export interface Untouched {
  now: Date;
  read(path: string): Promise<JsonObject | undefined>;
  held(path: string): HeldCertificate | undefined;
  /** What speaks against a certificate besides its dates and its key. */
  verdict(path: string): Problem[];
  intermediates(): X509[];
}

type Side = 'before' | 'after';

/** The rest of a change of many records is judged in the background, and told by status. */
const MAX_JUDGED = 20;

/**
 * What a change brings about certificates: what holds of the records that it touched now, and did not before. Only these records
 * are looked at, and the certificates that they name.
 */
export async function causedBy(steps: RecordStep[], untouched: Untouched): Promise<Problem[]> {
  const touched = steps.filter(
    ({ path, after }) => after !== undefined && (isCertificate(path) || isService(path)),
  );
  const [was, is] = [new Moment(touched, 'before', untouched), new Moment(touched, 'after', untouched)];
  const found: Problem[] = [];
  for (const { path } of touched.slice(0, MAX_JUDGED)) {
    const known = new Set((await was.problems(path)).map(({ code, message }) => `${code} ${message}`));
    found.push(...(await is.problems(path)).filter(({ code, message }) => !known.has(`${code} ${message}`)));
  }
  return found;
}

/** The records as they stand before or after the change. */
class Moment {
  private readonly values: Map<string, JsonObject | undefined>;
  private readonly untouched: Untouched;

  constructor(steps: RecordStep[], side: Side, untouched: Untouched) {
    this.values = new Map(steps.map(step => [step.path, step[side]]));
    this.untouched = untouched;
  }

  async problems(path: string): Promise<Problem[]> {
    const value = this.values.get(path);
    if (value === undefined) return [];
    return isCertificate(path) ? this.ofCertificate(path, value) : this.ofService(path, value);
  }

  private ofCertificate(path: string, value: JsonObject): Problem[] {
    const { now, intermediates } = this.untouched;
    const held = readHeld(path, value);
    const own = certificateProblems(held, now);
    const known = new Set<string>(own.map(({ code }) => code));
    const findings = held.x509 === undefined ? [] : this.findings(value, held, now, intermediates());
    return [...own, ...problemsOf(path, findings).filter(({ code }) => !known.has(code))].map(bare);
  }

  private findings(
    { certificate, key }: JsonObject,
    { kind, x509 }: HeldCertificate,
    now: Date,
    intermediates: X509[],
  ): CertificateFinding[] {
    const record = {
      certificate: String(certificate),
      ...(typeof key === 'string' ? { key } : {}),
    };
    const options = { now, intermediates, allowWeak: true, use: useOf(kind) };
    // Nobody misses the issuer of an intermediate: roots are left out too.
    const found = checkCertificate(record, options).filter(
      ({ code }) => code !== 'chain-incomplete' || kind !== 'intermediate',
    );
    return x509 === undefined || kind === 'intermediate' ? found : [...found, ...commonNameFindings(x509)];
  }

  private async ofService(path: string, value: JsonObject): Promise<Problem[]> {
    const own = ownCertificates(value);
    const parent = parentService(path);
    const names =
      own.length > 0 || parent === undefined ? own : ownCertificates((await this.value(parent)) ?? {});
    const shown = names.flatMap(name => this.held(`certificates/${name}`) ?? []);
    const read = shown.flatMap(({ x509 }) => x509 ?? []);
    const trouble = read.length === 0 ? undefined : hostTrouble(hostsOf(value), read);
    return [
      ...(own.length === 0 ? [] : shown.flatMap(held => this.shows(path, held))),
      ...(trouble === undefined ? [] : hostProblems({ path, certificates: names, ...trouble })),
    ];
  }

  private shows(service: string, held: HeldCertificate): Problem[] {
    // What the same change brings about the certificate is told of the certificate.
    if (this.values.get(held.path) !== undefined) return [];
    const all = certificateProblems(held, this.untouched.now);
    const [worst] = [...all.filter(({ fails }) => fails), ...this.untouched.verdict(held.path), ...all];
    return worst === undefined ? [] : [serviceProblem(service, held, worst)];
  }

  private held(path: string): HeldCertificate | undefined {
    if (!this.values.has(path)) return this.untouched.held(path);
    const value = this.values.get(path);
    return value === undefined ? undefined : readHeld(path, value);
  }

  private value(path: string): Promise<JsonObject | undefined> | JsonObject | undefined {
    return this.values.has(path) ? this.values.get(path) : this.untouched.read(path);
  }
}

function bare({ code, path, message, hint }: Problem): Problem {
  return { code, path, message, ...(hint === undefined ? {} : { hint }) };
}
