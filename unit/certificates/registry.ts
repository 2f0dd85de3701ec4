import type { CertificateFacts, CertificateKind } from '../../api/contract/certificates.ts';
import { daysLeft } from '../../certs/expiry.ts';
import { namesOf } from '../../certs/names.ts';
import { readX509, type X509 } from '../../certs/x509.ts';
import { pauses } from '../../host/event-loop.ts';
import type { Timers } from '../../host/timers.ts';
import { asLockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import { Follower } from '../../store/follower.ts';
import type { Work } from '../../store/follower-machine.ts';
import type { Store } from '../../store/store.ts';
import { hostsOf, hostTrouble, ownCertificates, type ServiceTrouble } from './hosts.ts';

/** What is known of one certificate of the configuration, read once after each change of it. */
export interface HeldCertificate {
  path: string;
  name: string;
  kind: CertificateKind;
  /** Undefined: it cannot be read, which `fault` is about. */
  x509: X509 | undefined;
  fault: string | undefined;
  hasKey: boolean;
  selfMade: boolean;
  facts: Omit<CertificateFacts, 'daysLeft' | 'usedBy' | 'users'>;
}

export interface CertificateRegistryOptions {
  store: Store;
  timers: Timers;
  /** Something in it has changed. */
  onChanged(): void;
  /** The store could not be read; it is tried again. */
  failed(error: unknown): void;
}

export const WEB_CERTIFICATE = 'webCertificate';
const PLACES = ['certificates', 'intermediates', WEB_CERTIFICATE];
/** Virtual Services with findings that are kept; a configuration that is broken all over needs no longer list. */
const MAX_SERVICES = 1_000;
const MAX_USERS = 1_000;
const MAX_NAMED = 20;

/**
 * The certificates of the configuration and the hosts of Virtual Services that they do not cover: all of them are read once,
 * when the unit starts, and from then on what commits touched. Nothing waits for it but who asks for a list.
 */
export class CertificateRegistry {
  private readonly options: CertificateRegistryOptions;
  private readonly held = new Map<string, HeldCertificate>();
  private readonly issuers = new Map<string, X509>();
  private readonly uncovered = new Map<string, ServiceTrouble>();
  private readonly follower: Follower;

  constructor(options: CertificateRegistryOptions) {
    const { store, timers, failed } = options;
    this.options = options;
    this.follower = new Follower({
      store,
      timers,
      about: path => (isCertificate(path) || isService(path) ? path : undefined),
      work: (work, isOver) => this.read(work, isOver),
      failed,
    });
  }

  start(): void {
    void this.follower.start();
  }

  stop(): Promise<void> {
    return this.follower.stop();
  }

  /** Resolves when everything that was committed before is in. */
  settled(): Promise<void> {
    return this.follower.settled();
  }

  all(): Iterable<HeldCertificate> {
    return this.held.values();
  }

  at(path: string): HeldCertificate | undefined {
    return this.held.get(path);
  }

  /** Those that could be read. */
  intermediates(): X509[] {
    return [...this.issuers.values()];
  }

  /** Virtual Services with hosts that none of their certificates covers. */
  troubles(): Iterable<ServiceTrouble> {
    return this.uncovered.values();
  }

  /** Virtual Services that show the certificate at `path`, at most 1,000. */
  async servicesOf(path: string): Promise<string[]> {
    const found: string[] = [];
    for await (const source of this.options.store.referrers(path)) {
      if (isService(source)) found.push(source);
      if (found.length >= MAX_USERS) break;
    }
    return found;
  }

  async facts(held: HeldCertificate, now: Date): Promise<CertificateFacts> {
    const { store } = this.options;
    const usedBy: string[] = [];
    for await (const source of store.referrers(held.path)) {
      usedBy.push(source);
      if (usedBy.length >= MAX_USERS) break;
    }
    return {
      ...held.facts,
      daysLeft: held.x509 === undefined ? 0 : daysLeft(held.x509, now),
      usedBy: usedBy.sort().slice(0, MAX_NAMED),
      users: usedBy.length,
    };
  }

  private async read({ paths }: Work, isOver: () => boolean): Promise<void> {
    if (paths === undefined) await this.readAll(isOver);
    else await this.readThese(paths, isOver);
    this.options.onChanged();
  }

  private async readAll(isOver: () => boolean): Promise<void> {
    const { store } = this.options;
    const rest = pauses();
    for (const place of PLACES) {
      try {
        for await (const { path, value } of store.list(place)) {
          await rest();
          if (isOver()) return;
          this.hold(path, value);
          if (place === 'certificates') await this.touchUsers(path);
        }
      } catch (error) {
        this.held.set(place, unreadable(place, error)); // the damage has a place of its own in the status
      }
    }
  }

  private async readThese(paths: readonly string[], isOver: () => boolean): Promise<void> {
    const rest = pauses();
    for (const path of paths) {
      await rest();
      if (isOver()) return;
      try {
        const value = await this.options.store.read(path);
        if (!isCertificate(path)) await this.lookAtService(path, value);
        else {
          this.hold(path, value);
          if (path.startsWith('certificates/')) await this.touchUsers(path);
        }
      } catch (error) {
        if (isCertificate(path)) this.keep(path, unreadable(path, error));
      }
    }
  }

  /** Whether it covers their hosts is to be looked at. */
  private async touchUsers(path: string): Promise<void> {
    const services: string[] = [];
    for await (const source of this.options.store.referrers(path))
      if (isService(source)) services.push(source);
    this.follower.touch(services);
  }

  private hold(path: string, value: JsonObject | undefined): void {
    this.keep(path, value === undefined ? undefined : readHeld(path, value));
  }

  private keep(path: string, held: HeldCertificate | undefined): void {
    this.issuers.delete(path);
    if (held === undefined) this.held.delete(path);
    else this.held.set(path, held);
    if (held?.kind === 'intermediate' && held.x509 !== undefined) this.issuers.set(path, held.x509);
  }

  private async lookAtService(path: string, value: JsonObject | undefined): Promise<void> {
    const { store } = this.options;
    this.uncovered.delete(path);
    if (value === undefined) return;
    const parent = parentService(path);
    const own = ownCertificates(value);
    const shown =
      own.length > 0 || parent === undefined ? own : ownCertificates((await store.read(parent)) ?? {});
    // Those below show its certificates where they have none of their own.
    if (parent === undefined && own.length > 0)
      for await (const { path: below } of store.list(`${path}/subVirtualServices`))
        if (isService(below)) this.follower.touch([below]);
    // A certificate that cannot be read is another trouble than a host that it does not cover.
    const read = shown.flatMap(name => this.held.get(`certificates/${name}`)?.x509 ?? []);
    const trouble = read.length === 0 ? undefined : hostTrouble(hostsOf(value), read);
    if (trouble !== undefined && this.uncovered.size < MAX_SERVICES)
      this.uncovered.set(path, { path, certificates: shown, ...trouble });
  }
}

export function readHeld(path: string, value: JsonObject): HeldCertificate {
  const held = {
    ...placeOf(path),
    ...read(String(value.certificate)),
    hasKey: value.key !== undefined,
    selfMade: value.selfSigned === true,
  };
  return { ...held, facts: fixedFacts(held) };
}

function read(certificate: string): Pick<HeldCertificate, 'x509' | 'fault'> {
  try {
    return { x509: readX509(certificate), fault: undefined };
  } catch {
    return { x509: undefined, fault: 'the certificate cannot be read' };
  }
}

function unreadable(path: string, error: unknown): HeldCertificate {
  const fault = `it cannot be read from the store (${asLockstepError(error).code})`;
  const held = { ...placeOf(path), x509: undefined, fault, hasKey: false, selfMade: false };
  return { ...held, facts: fixedFacts(held) };
}

function placeOf(path: string): Pick<HeldCertificate, 'path' | 'name' | 'kind'> {
  if (path === WEB_CERTIFICATE) return { path, name: 'web', kind: 'web' };
  const [place, name = ''] = path.split('/');
  return { path, name, kind: place === 'intermediates' ? 'intermediate' : 'certificate' };
}

/** What lists tell, but for what depends on the day and on other records. */
function fixedFacts(held: Omit<HeldCertificate, 'facts'>): HeldCertificate['facts'] {
  const { path, name, kind, x509, fault, hasKey, selfMade } = held;
  const known = { name, kind, path, hasKey, selfMade };
  if (x509 === undefined) {
    const none = { subject: '', issuer: '', names: [], notBefore: '', notAfter: '', keyType: '' };
    return { ...known, ...none, unreadable: fault ?? '', fingerprint: '' };
  }
  return {
    ...known,
    subject: x509.subject,
    issuer: x509.issuer,
    names: x509.ca ? [] : [...namesOf(x509), ...x509.addresses],
    notBefore: x509.notBefore.toISOString(),
    notAfter: x509.notAfter.toISOString(),
    keyType: keyType(x509),
    fingerprint: fingerprintText(x509),
  };
}

function keyType({ key: { type, bits, curve } }: X509): string {
  if (type === 'ed25519') return 'Ed25519';
  const known = type === 'rsa' || type === 'ec' ? type.toUpperCase() : type;
  return [known, curve ?? bits].filter(each => each !== undefined).join(' ');
}

/** As openssl and bundles write it. */
export function fingerprintText({ fingerprint }: Pick<X509, 'fingerprint'>): string {
  return fingerprint.toUpperCase().replace(/(..)(?=.)/g, '$1:');
}

export function isCertificate(path: string): boolean {
  return path.startsWith('certificates/') || path.startsWith('intermediates/') || path === WEB_CERTIFICATE;
}

/** A Virtual Service, or one below it. */
export function isService(path: string): boolean {
  return /^virtualServices\/[^/]+(\/subVirtualServices\/[^/]+)?$/.test(path);
}

/** Of a Virtual Service below another one. */
export function parentService(path: string): string | undefined {
  const [place, id, below] = path.split('/');
  return below === undefined ? undefined : `${place}/${id}`;
}
