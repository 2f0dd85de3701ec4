import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type {
  RestoreAnswer,
  RestoreCertificatesAnswer,
  RestoreCertificatesRequest,
  RestoreRequest,
} from '../../api/contract/restore.ts';
import type { Bundle } from '../../backup/bundle.ts';
import type { JsonObject } from '../../schema/json.ts';
import { RULES } from '../../schema/rules/index.ts';
import { openMemory } from '../../store/memory.ts';
import { Store } from '../../store/store.ts';
import { Restoring } from '../../unit/backups/restoring.ts';
import { Incoming } from '../../unit/backups/uploads.ts';
import { CertificateRestoring } from '../../unit/certificates/restoring.ts';
import { ChangeAnswers } from '../../unit/changes/change-answers.ts';
import { Committing } from '../../unit/changes/committing.ts';
import { Events } from '../../unit/events.ts';
import { catalog } from '../schema/records-of.ts';
import { ManualTimers } from '../sync/manual-timers.ts';
import { keptLog } from '../unit/log/kept-log.ts';

export type AskedCertificates = Partial<
  Omit<RestoreCertificatesRequest, 'upload' | 'passphrase' | 'select'>
> & {
  now?: Date;
};
export type Asked = Partial<Omit<RestoreRequest, 'upload' | 'passphrase'>>;

/** An active unit in memory that bundles are restored on; `records` is what it holds. */
export async function unitWith(records: Record<string, JsonObject> = {}, rules = RULES): Promise<Store> {
  const store = await Store.open({ port: openMemory(), catalog, rules, now: () => new Date(0) });
  await store.setRole('active', 1);
  const changes = Object.entries(records).map(([path, value]) => ({ op: 'put' as const, path, value }));
  await store.commit({ changes, kind: 'init', author: 'ada', reason: 'init' });
  return store;
}

export async function contentOf(store: Store): Promise<Record<string, JsonObject>> {
  const all: Record<string, JsonObject> = {};
  for await (const { path, value } of store.list()) all[path] = value;
  return all;
}

/** Records with `doubtful` in their path bring a warning about. */
const answersOf = ({ catalog }: Store): ChangeAnswers => {
  const { log } = keptLog();
  return new ChangeAnswers({
    catalog,
    log,
    events: new Events(log),
    causedBy: [
      async steps =>
        steps
          .filter(({ path }) => path.includes('doubtful'))
          .map(({ path }) => ({ code: 'doubtful', path, message: 'it is doubtful' })),
    ],
  });
};

/** Restores bundles as the daemon does, but takes them from memory: the upload is an empty file. */
export class Restorer {
  private readonly folder = mkdtempSync(join(tmpdir(), 'lockstep-'));
  private readonly incoming = new Incoming(join(this.folder, 'incoming'), new ManualTimers());

  async restore(store: Store, bundle: Bundle, asked: Asked = {}, isPaired = false): Promise<RestoreAnswer> {
    const restoring = new Restoring({
      store,
      catalog: store.catalog,
      incoming: this.incoming,
      openBundle: async () => ({ bundle, close: async () => undefined }),
      answers: answersOf(store),
      unitId: 'own-unit',
      partner: () => (isPaired ? { name: 'lb-b', unitId: 'lb-b-id', seen: true } : undefined),
      answersAt: async () => false,
    });
    return this.uploaded(upload => restoring.restore({ upload, passphrase: 'p', author: 'ada', ...asked }));
  }

  async restoreCertificates(
    store: Store,
    bundle: Bundle,
    select: string[],
    { now = new Date(), ...asked }: AskedCertificates = {},
  ): Promise<RestoreCertificatesAnswer> {
    const alone = {
      force: () => Promise.reject(new Error('there is no partner')),
      tryOut: () => Promise.reject(new Error('there is no partner')),
    };
    const restoring = new CertificateRestoring({
      store,
      catalog: store.catalog,
      incoming: this.incoming,
      openBundle: async () => ({ bundle, close: async () => undefined }),
      committing: new Committing(
        alone,
        { activePartner: () => undefined },
        () => ({ wall: 0, uptime: 0, bootId: 'x' }),
        () => 0,
      ),
      answers: answersOf(store),
      now: () => now,
    });
    return this.uploaded(upload =>
      restoring.restore({ upload, passphrase: 'p', author: 'ada', select, ...asked }),
    );
  }

  private async uploaded<Answer>(restore: (upload: string) => Promise<Answer>): Promise<Answer> {
    const { upload } = await this.incoming.receive(Readable.from([Buffer.from('bundle')]));
    try {
      return await restore(upload);
    } finally {
      await this.incoming.drop(upload);
    }
  }

  close(): void {
    this.incoming.clear();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
