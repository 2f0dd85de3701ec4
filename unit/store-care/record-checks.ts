import type { Finding } from '../../api/contract/shapes.ts';
import { type CertificateRecord, checkCertificate } from '../../certs/check.ts';
import { type CertificateFinding, INFORMATION } from '../../certs/finding.ts';
import { readX509s, type X509 } from '../../certs/x509.ts';
import { pauses } from '../../host/event-loop.ts';
import type { Timers } from '../../host/timers.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { asLockstepError } from '../../schema/error.ts';
import type { Kind } from '../../schema/kind.ts';
import { Follower } from '../../store/follower.ts';
import { linksOf } from '../../store/links.ts';
import type { Store } from '../../store/store.ts';

export interface RecordChecksOptions {
  store: Store;
  catalog: Catalog;
  timers: Timers;
  now(): Date;
  /** A check has ended. */
  onChecked(): void;
}

/** What the last checks found; `checkedAt` is undefined until all records were looked at once. */
export interface CheckedRecords {
  findings: Finding[];
  checkedAt: string | undefined;
}

/** Kinds of records whose certificate is looked into. */
const CERTIFICATES = new Set(['certificate', 'intermediate']);
/** Records with findings that are kept; a configuration that is broken all over needs no longer list. */
const MAX_RECORDS = 1_000;
const WHOLE_EVERY_MS = 6 * 3_600_000;
const LOOK_EVERY_MS = 10 * 60_000;
/** After a stretch of work, so that a look at 600,000 records leaves half of a processor to others. */
const BREATH_MS = 20;

/**
 * Could this standby serve what it holds? All records are looked at when the unit starts, when it becomes standby and every
 * six hours; after an update, those that it touched and those with findings. Nothing waits for it.
 */
export class RecordChecks {
  private readonly options: RecordChecksOptions;
  private readonly follower: Follower;
  private found = new Map<string, Finding[]>();
  /** When the last whole look began. */
  private wholeAt = 0;
  private checkedAt: string | undefined;
  /** Read once a look, and only where it meets a certificate. */
  private intermediates: Promise<X509[]> | undefined;
  private cancel: () => void = () => undefined;

  constructor(options: RecordChecksOptions) {
    const { store, timers } = options;
    this.options = options;
    this.follower = new Follower({
      store,
      timers,
      about: path => (this.isStandby ? path : undefined),
      work: ({ paths }, isOver) => this.look(paths, () => isOver() || !this.isStandby),
      failed: () => undefined, // it is tried again; what cannot be read is a finding
    });
  }

  start(): void {
    void this.follower.start();
    this.everySixHours();
  }

  async stop(): Promise<void> {
    this.cancel();
    await this.follower.stop();
  }

  get current(): CheckedRecords {
    return { findings: [...this.found.values()].flat(), checkedAt: this.checkedAt };
  }

  /** The unit became active or standby: what was found before is old. */
  roleChanged(): void {
    this.found = new Map();
    this.checkedAt = undefined;
    this.follower.lookAtAll();
  }

  private get isStandby(): boolean {
    return this.options.store.head.role === 'standby';
  }

  private everySixHours(): void {
    const { timers } = this.options;
    this.cancel = timers.after(LOOK_EVERY_MS, () => this.everySixHours());
    if (timers.now() - this.wholeAt >= WHOLE_EVERY_MS) this.follower.lookAtAll();
  }

  private async look(paths: readonly string[] | undefined, isOver: () => boolean): Promise<void> {
    if (isOver()) return;
    this.intermediates = undefined;
    if (paths === undefined) await this.lookAtAll(isOver);
    else await this.lookAt(new Set([...paths, ...this.found.keys()]), isOver);
    if (!isOver()) this.options.onChecked();
  }

  private async lookAtAll(isOver: () => boolean): Promise<void> {
    const { store, catalog, timers, now } = this.options;
    this.wholeAt = timers.now();
    const found = new Map<string, Finding[]>();
    const rest = this.rests();
    for (const place of placesOf(catalog.kinds)) {
      try {
        for await (const path of store.paths(place)) {
          await rest();
          if (isOver()) return;
          keep(found, path, await this.check(path));
        }
      } catch (error) {
        keep(found, place, [unreadable(place, error)]);
      }
    }
    if (isOver()) return;
    this.found = found;
    this.checkedAt = now().toISOString();
  }

  private async lookAt(paths: Set<string>, isOver: () => boolean): Promise<void> {
    const rest = this.rests();
    for (const path of paths) {
      await rest();
      if (isOver()) return;
      keep(this.found, path, await this.check(path));
      for (const used of await this.certificatesOf(path)) keep(this.found, used, await this.check(used));
    }
    if (this.checkedAt !== undefined) this.checkedAt = this.options.now().toISOString();
  }

  private async check(path: string): Promise<Finding[]> {
    const { store, catalog } = this.options;
    try {
      const kind = catalog.kindOf(path);
      if (!isChecked(kind)) return [];
      const findings: Finding[] = (await store.danglingAt(path)).map(problem => ({
        ...problem,
        fails: true,
      }));
      if (!CERTIFICATES.has(kind.name)) return findings;
      const record = (await store.read(path)) as unknown as CertificateRecord | undefined;
      if (record === undefined) return findings;
      const inspected = await this.inspect(record, kind.name === 'intermediate' ? 'intermediate' : 'server');
      const used = inspected.length > 0 && (await store.isReferredTo(path));
      return [...findings, ...inspected.map(finding => certificateFinding(path, finding, used))];
    } catch (error) {
      return [unreadable(path, error)];
    }
  }

  /** What was weak when somebody let it in is told of, and no reason not to take over. */
  private async inspect(
    record: CertificateRecord,
    use: 'server' | 'intermediate',
  ): Promise<CertificateFinding[]> {
    this.intermediates ??= this.readIntermediates();
    const intermediates = await this.intermediates;
    const options = { now: this.options.now(), intermediates, allowWeak: true, use };
    return checkCertificate(record, options).filter(({ code }) => !INFORMATION.has(code));
  }

  /** One that cannot be read is told of at its own path. */
  private async readIntermediates(): Promise<X509[]> {
    const found: X509[] = [];
    const rest = this.rests();
    try {
      for await (const { value } of this.options.store.list('intermediates')) {
        await rest();
        found.push(...readX509s((value as unknown as CertificateRecord).certificate));
      }
    } catch {
      return found;
    }
    return found;
  }

  /** A certificate that nothing used before matters once something does. */
  private async certificatesOf(path: string): Promise<string[]> {
    const { store, catalog } = this.options;
    const value = await store.read(path).catch(() => undefined);
    if (value === undefined) return [];
    return linksOf(catalog.kindOf(path), value)
      .flatMap(({ targets }) => targets)
      .filter(target => target.startsWith('certificates/'));
  }

  private rests(): () => Promise<void> {
    let rest = pauses();
    return async () => {
      const turn = rest();
      if (turn === undefined) return;
      await turn;
      await new Promise<void>(resolve => this.options.timers.after(BREATH_MS, resolve));
      rest = pauses(); // the breath does not count as work
    };
  }
}

function isChecked(kind: Kind): boolean {
  return kind.references.length > 0 || isBelow(kind) || CERTIFICATES.has(kind.name);
}

function isBelow({ template }: Kind): boolean {
  return template.filter(part => part === '{id}').length > 1;
}

/** The first parts of the paths of all records that are looked at. */
function placesOf(kinds: readonly Kind[]): Set<string> {
  return new Set(kinds.filter(isChecked).map(({ template }) => template[0] as string));
}

function keep(found: Map<string, Finding[]>, path: string, findings: Finding[]): void {
  if (findings.length === 0) found.delete(path);
  else if (found.has(path) || found.size < MAX_RECORDS) found.set(path, findings);
}

function certificateFinding(
  path: string,
  { code, message, fails }: CertificateFinding,
  used: boolean,
): Finding {
  return {
    code,
    path,
    message: used ? message : `${message}; nothing uses it`,
    hint: 'Replace it on the active unit.',
    fails: fails && used,
  };
}

function unreadable(path: string, error: unknown): Finding {
  const { code } = asLockstepError(error);
  return {
    code: code === 'internal' ? 'damaged-store' : code,
    path,
    message: 'it cannot be read from the store',
    hint: 'Rebuild this unit from its partner.',
    fails: true,
  };
}
