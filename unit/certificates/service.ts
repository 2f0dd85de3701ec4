import { type Examination, MOST } from '../../audit/doctor/examination.ts';
import { daysLeft } from '../../certs/expiry.ts';
import type { Timers } from '../../host/timers.ts';
import { Turn } from '../../host/turn.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { Problem } from '../../schema/error.ts';
import type { Store } from '../../store/store.ts';
import type { Committing } from '../changes/committing.ts';
import type { RecordStep } from '../changes/views.ts';
import { placeOf } from '../doctor/examined-status.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';
import { causedBy } from './caused.ts';
import { Certificates } from './certificates.ts';
import { DropMemory } from './drop-memory.ts';
import { CertificateFolder } from './folder.ts';
import { CertificateJudge } from './judge.ts';
import { CertificateRegistry, type HeldCertificate, isCertificate, WEB_CERTIFICATE } from './registry.ts';
import { certificateProblems, hostProblems, serviceProblem } from './warnings.ts';
import { keepWebCertificate } from './web-certificate.ts';

export interface CertificateServiceOptions {
  store: Store;
  catalog: Catalog;
  committing: Committing;
  events: Events;
  /** `certs.d/` of the unit. */
  folder: string;
  /** Of the machine. */
  bootId: string;
  timers: Timers;
  now(): Date;
  log: Log;
}

/** Days are counted anew so often. */
const LOOK_EVERY_MS = 3_600_000;
/** Warnings that a status names. */
const MAX_WARNINGS = 100;
const MISSING_ISSUER = 'chain-incomplete';

/** Everything of certificates that one running unit does by itself: it watches their days and the folder, and keeps its own. */
export class CertificateService {
  readonly records: Certificates;
  private readonly options: CertificateServiceOptions;
  private readonly registry: CertificateRegistry;
  private readonly judge: CertificateJudge;
  private readonly folder: CertificateFolder;
  private problems: (Problem & { fails: boolean })[] = [];
  /** The stage of each certificate that the log was told of. */
  private readonly told = new Map<string, string>();
  private readonly keeping = new Turn();
  private readonly looking = new Turn();
  private stopped = false;
  private unwatch: () => void = () => undefined;
  private cancel: () => void = () => undefined;

  constructor(options: CertificateServiceOptions) {
    const { store } = options;
    this.options = options;
    this.registry = new CertificateRegistry({
      store,
      timers: options.timers,
      onChanged: () => this.look(),
      failed: error => this.unreadable(error),
    });
    this.judge = new CertificateJudge(store, this.registry);
    this.records = new Certificates({ ...options, registry: this.registry });
    this.folder = new CertificateFolder({
      ...options,
      take: (name, pem, droppedAt) => this.records.takeDropped(name, pem, droppedAt),
      memory: new DropMemory(store, options.bootId),
    });
  }

  start(): void {
    const { store, events } = this.options;
    const stopRole = events.on('roleChanged', () => this.roleChanged());
    const stopCommits = store.watch((_revision, paths) => {
      const certificates = paths.filter(isCertificate);
      this.judge.touched(certificates);
      if (paths.includes(WEB_CERTIFICATE)) this.keepWeb();
    });
    this.unwatch = () => {
      stopRole();
      stopCommits();
    };
    this.registry.start();
    this.folder.start();
    this.everyHour();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unwatch();
    this.cancel();
    this.records.stop();
    await this.folder.stop();
    await this.registry.stop();
    await Promise.all([this.keeping.settled(), this.looking.settled()]);
  }

  /** Resolves when what was committed and counted before is in. */
  async settled(): Promise<void> {
    await this.keeping.settled();
    await this.registry.settled();
    await this.looking.settled();
  }

  private roleChanged(): void {
    this.folder.roleChanged(this.options.store.head.role === 'active');
    this.judge.roleChanged();
    this.look();
  }

  /** The worst first, at most 100. */
  warnings(): Problem[] {
    const problems = this.problems.map(({ fails: _fails, ...problem }) => problem);
    return [...this.folder.warnings(), ...problems].slice(0, MAX_WARNINGS);
  }

  /** What a change that was made or tried out brings about certificates; costs nothing where it touched none. */
  causedBy(steps: RecordStep[]): Promise<Problem[]> {
    const { store, now } = this.options;
    return causedBy(steps, {
      now: now(),
      read: path => store.read(path),
      held: path => this.registry.at(path),
      verdict: path => this.judge.at(path),
      intermediates: () => this.registry.intermediates(),
    });
  }

  /** For `lockstep doctor`; resolves when everything that was committed before is counted. */
  async examined(): Promise<Examination['certificates']> {
    await this.settled();
    const all = [...this.registry.all()];
    const days = this.days().sort((one, other) => one.days - other.days);
    const [next = null] = days.map(each => ({ name: each.name, days: each.days }));
    return {
      count: all.length,
      keys: all.filter(({ kind, hasKey }) => kind === 'certificate' && hasKey).length,
      next,
      findings: this.problems.slice(0, MOST).map(problem => ({ ...placeOf(problem), fails: problem.fails })),
    };
  }

  /** Days that each certificate is still valid. */
  days(): { name: string; kind: string; days: number }[] {
    const now = this.options.now();
    return [...this.registry.all()].flatMap(({ name, kind, x509 }) =>
      x509 === undefined ? [] : [{ name, kind, days: daysLeft(x509, now) }],
    );
  }

  private everyHour(): void {
    this.cancel = this.options.timers.after(LOOK_EVERY_MS, () => this.everyHour());
    this.keepWeb();
    this.look();
  }

  private keepWeb(): void {
    const { store, now, log } = this.options;
    void this.keeping.take(() => (this.stopped ? undefined : keepWebCertificate(store, now(), log)));
  }

  private look(): void {
    this.looking.take(() => this.lookNow()).catch(error => this.unreadable(error));
  }

  private unreadable(error: unknown): void {
    this.options.log.warn({ reason: (error as Error).message }, 'certificates cannot be looked at');
  }

  /** Goes over what is held in memory; the store is asked only for who shows what does not serve. */
  private async lookNow(): Promise<void> {
    if (this.stopped) return;
    const now = this.options.now();
    await this.judge.catchUp(now, () => this.stopped);
    const own: (Problem & { fails: boolean })[] = [];
    const services: typeof own = [];
    for (const held of this.registry.all()) {
      const judged = this.judge.at(held.path).map(problem => ({ ...problem, stage: problem.code }));
      const all = [...certificateProblems(held, now), ...judged];
      this.tell(held, all);
      // Where nothing shows it, nobody misses its issuer: roots are left out too.
      const problems = all.filter(({ code }) => code !== MISSING_ISSUER);
      own.push(...problems.map(({ stage: _stage, ...problem }) => problem));
      const shown = problems.find(({ fails }) => fails) ?? all.find(({ code }) => code === MISSING_ISSUER);
      if (shown === undefined || held.kind !== 'certificate' || services.length >= MAX_WARNINGS) continue;
      for (const service of await this.registry.servicesOf(held.path))
        services.push({ ...serviceProblem(service, held, shown), fails: shown.fails });
    }
    own.sort((one, other) => Number(other.fails) - Number(one.fails));
    this.problems = [
      ...services,
      ...[...this.registry.troubles()].flatMap(hostProblems).map(problem => ({ ...problem, fails: false })),
      ...own,
    ].slice(0, MAX_WARNINGS);
  }

  /** Once a stage: what was told of one certificate is told anew of the next. */
  private tell({ path, x509 }: HeldCertificate, problems: ReturnType<typeof certificateProblems>): void {
    const stages = problems.map(({ stage }) => stage).join();
    const told = stages === '' ? '' : `${stages} ${x509?.fingerprint}`;
    if ((this.told.get(path) ?? '') === told) return;
    if (told === '') this.told.delete(path);
    else this.told.set(path, told);
    for (const { code, message } of problems)
      this.options.log.warn({ path, code, notAfter: x509?.notAfter.toISOString() }, message);
  }
}
