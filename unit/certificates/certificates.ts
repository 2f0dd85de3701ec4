import type {
  AddCertificateAnswer,
  AddCertificateRequest,
  CertificateChoice,
  CertificateDetails,
  CertificateFacts,
  CertificateKind,
  ExportCertificateRequest,
  ExportedCertificate,
  RemoveCertificateRequest,
} from '../../api/contract/certificates.ts';
import type { ChangeAnswer } from '../../api/contract/changes.ts';
import { checkCertificate } from '../../certs/check.ts';
import { commonNameFindings } from '../../certs/names.ts';
import { newerOf, whyNewer } from '../../certs/newer.ts';
import { type ReadCertificate, readCertificateFiles } from '../../certs/read.ts';
import { Work } from '../../certs/work.ts';
import { readX509, readX509s } from '../../certs/x509.ts';
import { isSameKey } from '../../certs/x509-key.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { LockstepError, type Problem } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Store } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import type { Committing } from '../changes/committing.ts';
import { changeAnswer } from '../changes/views.ts';
import type { Log } from '../log/log.ts';
import { type Page, pageOf } from '../pages.ts';
import { findingsOf } from './findings.ts';
import { candidateOf, putAt } from './newer.ts';
import { certificatePath } from './record-path.ts';
import { exists, inUse, judged, noSuchCertificate, older, refused } from './refusals.ts';
import { type CertificateRegistry, fingerprintText, readHeld } from './registry.ts';

export interface CertificatesOptions {
  store: Store;
  catalog: Catalog;
  registry: CertificateRegistry;
  committing: Committing;
  log: Log;
  now(): Date;
}

/** A certificate as its files gave it, found good. */
interface Accepted {
  value: JsonObject;
  warnings: Problem[];
}

/** What comes with the files. */
interface Given {
  passphrase?: string | undefined;
  allowWeak?: boolean | undefined;
  /** Who asked has left. */
  left?: AbortSignal | undefined;
}

/** The author of what was dropped into `certs.d/`. */
const FOLDER_AUTHOR = 'certs.d';

/** Takes certificates in, checks them before they are kept, lists them, and gives them out. */
export class Certificates {
  private readonly options: CertificatesOptions;
  private readonly stopping = new AbortController();

  constructor(options: CertificatesOptions) {
    this.options = options;
  }

  /** Work on files ends. */
  stop(): void {
    this.stopping.abort(new LockstepError('unit-unreachable', 'The unit stops.'));
  }

  async addCertificate(request: AddCertificateRequest, left?: AbortSignal): Promise<AddCertificateAnswer> {
    const { kind = 'certificate', replace = false, author, dryRun = false } = request;
    const path = certificatePath({ ...request, kind });
    const before = await this.options.store.read(path);
    // The web certificate is always there: the unit makes one itself.
    if (before === undefined && replace && kind !== 'web')
      throw noSuchCertificate(request, 'To add it, leave out --replace.');
    if (before !== undefined && !replace && before.selfSigned !== true) throw exists(path);
    const files = request.files.map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes, 'base64') }));
    const { value, warnings } = await this.accept(path, kind, files, { ...request, left }, before);
    const reason = request.reason ?? `certs add ${path}`;
    const { changed, more } = await this.put(path, value, { ...request, author, reason });
    return {
      ...changeAnswer(this.options.catalog, changed, dryRun),
      ...more,
      certificate: await this.options.registry.facts(readHeld(path, value), this.options.now()),
      warnings,
    };
  }

  /**
   * What lay in `certs.d/`; resolves to whether it made a revision. Throws what reading and checking throw,
   * `certificate-older`, and what a commit throws.
   */
  async takeDropped(name: string, pem: string, droppedAt: Date): Promise<boolean> {
    const path = certificatePath({ name, kind: 'certificate' });
    const before = await this.options.store.read(path);
    const files = [{ name, bytes: Buffer.from(pem) }];
    const { value } = await this.accept(path, 'certificate', files, {}, before);
    if (before !== undefined) await this.assertNewer(path, value, before, droppedAt);
    const { changed } = await this.put(path, value, { author: FOLDER_AUTHOR, reason: `certs.d/${name}` });
    return changed.changes.length > 0;
  }

  async removeCertificate(request: RemoveCertificateRequest): Promise<ChangeAnswer> {
    const { store, catalog, committing } = this.options;
    const path = (await this.find(request)).path;
    const { author, dryRun = false } = request;
    await this.assertUnused(path);
    const reason = request.reason ?? `certs remove ${path}`;
    const changes: Change[] = [{ op: 'remove', path }];
    const { result, ...more } = await committing.make(request, how =>
      store.commit({ changes, kind: 'change', author, reason, ...how }),
    );
    return { ...changeAnswer(catalog, result, dryRun), ...more };
  }

  async certificates(page: Page = {}): Promise<{ certificates: CertificateFacts[]; next?: string }> {
    const { registry, now } = this.options;
    await registry.settled();
    const at = now();
    const all = [...registry.all()].sort((one, other) => (one.path < other.path ? -1 : 1));
    const { items, ...rest } = pageOf(all, page, ({ path }) => path);
    return { certificates: await Promise.all(items.map(held => registry.facts(held, at))), ...rest };
  }

  async certificate(request: CertificateChoice): Promise<CertificateDetails> {
    const { registry, now } = this.options;
    const { path, value } = await this.find(request);
    const held = readHeld(path, value);
    return {
      ...(await registry.facts(held, now())),
      chain: chainOf(value)
        .slice(1)
        .map(x509 => ({
          subject: x509.subject,
          issuer: x509.issuer,
          notAfter: x509.notAfter.toISOString(),
          fingerprint: fingerprintText(x509),
        })),
      findings: findingsOf(held, value, await this.intermediates(), now()),
    };
  }

  async exportCertificate({
    withKey = false,
    author,
    ...choice
  }: ExportCertificateRequest): Promise<ExportedCertificate> {
    const { path, value } = await this.find(choice);
    const name = path.split('/').at(-1) as string;
    const certificate = withNewline(String(value.certificate));
    if (!withKey) return { name, pem: certificate };
    if (value.key === undefined)
      throw new LockstepError('no-such-certificate', `${path} has no private key.`, {
        hint: 'Without --with-key, the certificate and its chain are exported.',
      });
    this.options.log.warn({ author, path }, 'a private key was exported');
    return { name, pem: certificate + withNewline(String(value.key)) };
  }

  /** What lies in the folder may have been dropped long ago, or on the other unit before a takeover. Throws `certificate-older`. */
  private async assertNewer(
    path: string,
    given: JsonObject,
    kept: JsonObject,
    droppedAt: Date,
  ): Promise<void> {
    const now = this.options.now();
    const snapshot = await this.options.store.snapshot();
    const keptAt = await putAt(snapshot, path).finally(() => snapshot.close());
    const intermediates = await this.intermediates();
    const [ours, theirs] = [
      candidateOf(kept, now, keptAt, intermediates),
      candidateOf(given, now, droppedAt, intermediates),
    ];
    if (ours === undefined || theirs === undefined || given.certificate === kept.certificate) return;
    const { newer, because } = newerOf(ours, theirs, now);
    if (newer === 'one') throw older(path, whyNewer(because, ours, theirs, now));
  }

  private workFor(left: AbortSignal | undefined): Work {
    const { signal } = this.stopping;
    return new Work(left === undefined ? signal : AbortSignal.any([signal, left]));
  }

  /** Everything that speaks against keeping it, or what to keep. */
  private async accept(
    path: string,
    kind: CertificateKind,
    files: { name: string; bytes: Buffer }[],
    { passphrase, allowWeak = false, left }: Given,
    before: JsonObject | undefined,
  ): Promise<Accepted> {
    const { now } = this.options;
    const read = await readCertificateFiles(files, { passphrase, now: now(), work: this.workFor(left) });
    if (kind === 'intermediate') return this.acceptIntermediate(path, read, allowWeak);
    const key = read.key ?? this.keyThatFits(read.certificate, before);
    if (key === undefined)
      throw refused(path, [
        {
          code: 'certificate-without-key',
          path,
          message: 'none of the files holds its private key',
          hint: 'Name the file with the key as well.',
        },
      ]);
    const value = { certificate: read.certificate, key };
    const findings = checkCertificate(value, {
      now: now(),
      intermediates: await this.intermediates(),
      allowWeak,
    });
    return {
      value,
      warnings: judged(path, [...findings, ...commonNameFindings(readX509(value.certificate))]),
    };
  }

  private async acceptIntermediate(
    path: string,
    { certificate, key }: ReadCertificate,
    allowWeak: boolean,
  ): Promise<Accepted> {
    const [first, ...more] = chainOf({ certificate });
    if (key !== undefined)
      throw refused(path, [
        {
          code: 'certificate-with-key',
          path,
          message: 'one of the files holds a private key, and an intermediate certificate is kept without',
          hint: 'Give its certificate alone: the key of an authority belongs on no unit.',
        },
      ]);
    if (first !== undefined && !first.ca)
      throw refused(path, [
        {
          code: 'certificate-no-ca',
          path,
          message: 'it is no certificate of a certificate authority',
          hint: 'Without --intermediate, it is kept for Virtual Services, with its key.',
        },
      ]);
    if (first === undefined || more.length > 0)
      throw refused(path, [
        {
          code: 'certificate-several',
          path,
          message: 'an intermediate certificate is one certificate alone',
        },
      ]);
    const value = { certificate: first.pem };
    const findings = checkCertificate(value, {
      now: this.options.now(),
      intermediates: await this.intermediates(),
      allowWeak,
      use: 'intermediate',
    });
    return { value, warnings: judged(path, findings) };
  }

  /** A certificate that was renewed for the same key comes without it. */
  private keyThatFits(certificate: string, before: JsonObject | undefined): string | undefined {
    if (typeof before?.key !== 'string' || typeof before.certificate !== 'string') return undefined;
    try {
      const [mine, kept] = [readX509(certificate), readX509(before.certificate)];
      return isSameKey(mine.publicKey, kept.publicKey) ? before.key : undefined;
    } catch {
      return undefined;
    }
  }

  private async intermediates(): Promise<string[]> {
    const found: string[] = [];
    for await (const { value } of this.options.store.list('intermediates'))
      if (typeof value.certificate === 'string') found.push(value.certificate);
    return found;
  }

  private async put(
    path: string,
    value: JsonObject,
    request: Pick<AddCertificateRequest, 'author' | 'role' | 'dryRun' | 'confirm' | 'wait'> & {
      reason: string;
    },
  ) {
    const { store, committing } = this.options;
    const { author, reason } = request;
    const changes: Change[] = [{ op: 'put', path, value }];
    const { result: changed, ...more } = await committing.make(request, how =>
      store.commit({ changes, kind: 'change', author, reason, ...how }),
    );
    return { changed, more };
  }

  /** The record that is meant. Throws `no-such-certificate`, `bad-id`. */
  private async find(choice: CertificateChoice): Promise<{ path: string; value: JsonObject }> {
    const { store } = this.options;
    const kinds: CertificateKind[] =
      choice.kind === undefined ? ['certificate', 'intermediate'] : [choice.kind];
    for (const kind of kinds) {
      const path = certificatePath({ ...choice, kind });
      const value = await store.read(path);
      if (value !== undefined) return { path, value };
    }
    throw noSuchCertificate(choice, 'lockstep certs list shows those that there are.');
  }

  private async assertUnused(path: string): Promise<void> {
    const users: string[] = [];
    for await (const source of this.options.store.referrers(path)) users.push(source);
    if (path.startsWith('intermediates/')) users.push(...(await this.leaningOn(path)));
    if (users.length === 0) return;
    throw inUse(path, users.sort());
  }

  /** Certificates whose way up would end without the intermediate at `path`; nothing refers to it by name. */
  private async leaningOn(path: string): Promise<string[]> {
    const { store, now } = this.options;
    const all: { path: string; certificate: string }[] = [];
    for await (const record of store.list('intermediates'))
      all.push({ path: record.path, certificate: String(record.value.certificate) });
    const subject = chainOf(all.find(each => each.path === path) ?? {})[0]?.subject;
    const withIt = all.map(each => each.certificate);
    const without = all.filter(each => each.path !== path).map(each => each.certificate);
    const leaning: string[] = [];
    for await (const { path: user, value } of store.list('certificates')) {
      if (!chainOf(value).some(({ issuer }) => issuer === subject)) continue;
      const isIncomplete = (intermediates: string[]): boolean =>
        checkCertificate(
          { certificate: String(value.certificate) },
          { now: now(), intermediates, allowWeak: true },
        ).some(({ code }) => code === 'chain-incomplete');
      if (!isIncomplete(withIt) && isIncomplete(without)) leaning.push(user);
    }
    return leaning;
  }
}

function chainOf({ certificate }: JsonObject): ReturnType<typeof readX509s> {
  try {
    return readX509s(String(certificate));
  } catch {
    return [];
  }
}

function withNewline(pem: string): string {
  return pem.endsWith('\n') ? pem : `${pem}\n`;
}
