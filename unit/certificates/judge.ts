import { checkCertificate } from '../../certs/check.ts';
import { pauses } from '../../host/event-loop.ts';
import type { Problem } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Store } from '../../store/store.ts';
import { problemsOf, useOf } from './findings.ts';
import type { CertificateRegistry, HeldCertificate } from './registry.ts';

type Found = (Problem & { fails: boolean })[];

/** What days and keys tell is counted from memory, each hour. */
const COUNTED_ELSEWHERE = new Set([
  'certificate-unreadable',
  'certificate-expired',
  'certificate-not-yet-valid',
  'certificate-expires-soon',
]);
/** Issuers come of age too. */
const ALL_EVERY_MS = 6 * 3_600_000;

/**
 * Would every certificate of the configuration be taken in today? Purpose, strength and chain of each are judged when the unit
 * starts, when it or an intermediate changes, and every six hours: an older release may have let it in, or the partner sent it.
 * A standby judges them in its takeover readiness, so not here.
 */
export class CertificateJudge {
  private readonly store: Store;
  private readonly registry: CertificateRegistry;
  private readonly verdicts = new Map<string, Found>();
  private readonly due = new Set<string>();
  /** When all were judged last; undefined: they are due. */
  private allAt: number | undefined;

  constructor(store: Store, registry: CertificateRegistry) {
    this.store = store;
    this.registry = registry;
  }

  /** Paths that a commit changed. */
  touched(paths: readonly string[]): void {
    for (const path of paths) {
      if (path.startsWith('intermediates/')) this.allAt = undefined;
      this.due.add(path);
    }
  }

  /** The unit became active or standby. */
  roleChanged(): void {
    this.allAt = undefined;
  }

  at(path: string): Found {
    return this.verdicts.get(path) ?? [];
  }

  /** Judges what is due; `until` says when to give up. */
  async catchUp(now: Date, until: () => boolean): Promise<void> {
    if (this.store.head.role === 'standby') {
      this.verdicts.clear();
      this.due.clear();
      return;
    }
    await this.registry.settled();
    if (this.allAt === undefined || Math.abs(now.getTime() - this.allAt) >= ALL_EVERY_MS) {
      this.allAt = now.getTime();
      for (const path of this.verdicts.keys()) this.due.add(path);
      for (const { path } of this.registry.all()) this.due.add(path);
    }
    const rest = pauses();
    for (const path of this.due) {
      await rest();
      if (until()) return;
      this.due.delete(path);
      const held = this.registry.at(path);
      const found = held?.x509 === undefined ? [] : await this.judge(held, now);
      if (found.length === 0) this.verdicts.delete(path);
      else this.verdicts.set(path, found);
    }
  }

  private async judge({ path, kind }: HeldCertificate, now: Date): Promise<Found> {
    const value = await this.store.read(path).catch((): JsonObject | undefined => undefined);
    if (typeof value?.certificate !== 'string') return [];
    const options = { now, intermediates: this.registry.intermediates(), allowWeak: true, use: useOf(kind) };
    const findings = checkCertificate({ certificate: value.certificate }, options);
    return problemsOf(
      path,
      findings.filter(({ code }) => !COUNTED_ELSEWHERE.has(code)),
    );
  }
}
