import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Status } from '../../../api/contract/status.ts';
import { LockstepError } from '../../../schema/error.ts';
import type { JsonObject } from '../../../schema/json.ts';
import type { Store } from '../../../store/store.ts';
import { Auditor } from '../../../unit/audits/auditor.ts';
import { backUp } from '../../../unit/backups/backing-up.ts';
import { openBundle } from '../../../unit/backups/open-bundle.ts';
import { Incoming } from '../../../unit/backups/uploads.ts';
import { Events } from '../../../unit/events.ts';
import { Health } from '../../../unit/store-care/health.ts';
import { unitWith } from '../../backup/restorer.ts';
import { catalog } from '../../schema/records-of.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from '../log/kept-log.ts';

const PASSPHRASE = 'four words are enough';
const now = (): Date => new Date('2026-06-01T12:00:00Z');

describe('an audit of one unit', () => {
  let folder: string;
  let store: Store;
  let incoming: Incoming;
  let health: Health;
  let auditor: Auditor;
  let files: Status['files'];
  /** What the partner answers with. */
  let askPartner: (question: JsonObject) => Promise<JsonObject>;
  /** Snapshots that are open. */
  let open: number;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-auditor-'));
    store = await unitWith({ host: { hostname: 'lb-a' }, 'hosts/a': { address: '10.0.0.1' } });
    open = 0;
    const snapshot = store.snapshot.bind(store);
    store.snapshot = async () => {
      const made = await snapshot();
      const close = made.close.bind(made);
      open++;
      return Object.assign(made, {
        close: () => {
          open--;
          close();
        },
      });
    };
    const { log } = keptLog();
    health = Health.open({ file: join(folder, 'damage'), events: new Events(log), log, now });
    incoming = new Incoming(join(folder, 'incoming'), new ManualTimers());
    files = [];
    askPartner = () => Promise.reject(new LockstepError('partner-unreachable', 'It is gone.'));
    auditor = new Auditor({
      store,
      catalog,
      health,
      incoming,
      openBundle,
      self: () => ({ name: 'lb-a', unitId: 'id-a', pairId: '', release: '1.0.0' }),
      troubles: () => files,
      askPartner: question => askPartner(question),
      now,
    });
  });
  afterEach(async () => {
    assert.equal(open, 0, 'snapshots are left open');
    await store.close();
    await health.settled();
    rmSync(folder, { recursive: true });
  });

  const commit = (path: string, value: JsonObject) =>
    store.commit({ changes: [{ op: 'put', path, value }], kind: 'change', author: 'ada', reason: 'r' });

  async function uploaded(): Promise<string> {
    const { bytes } = await backUp(await store.snapshot(), catalog, 'id-a', now(), {
      passphrase: PASSPHRASE,
    });
    return (await incoming.receive(bytes)).upload;
  }

  it('against an earlier revision names what was changed since', async () => {
    const { revision } = store.head;
    await commit('hosts/a', { address: '10.0.0.2' });
    const report = await auditor.audit({ a: { of: 'local' }, b: { of: 'revision', revision } });
    assert.deepEqual(
      report.findings.map(({ path, class: found, fields }) => [path, found, fields]),
      [['hosts/a', 'changed', [{ field: 'address', a: '10.0.0.2', b: '10.0.0.1' }]]],
    );
    assert.deepEqual([report.a.is, report.b.is, report.b.revision], ['unit', 'revision', revision]);
    const same = { of: 'revision', revision: store.head.revision } as const;
    assert.equal((await auditor.audit({ a: { of: 'local' }, b: same })).verdict, 'same');
  });

  it('against a bundle names what a restore would change, and the upload goes', async () => {
    const { revision } = store.head;
    const upload = await uploaded();
    const file = await incoming.find(upload);
    await commit('hosts/b', { address: '10.0.0.3' });
    const bundle = { of: 'bundle', upload, passphrase: PASSPHRASE, name: 'a.lockstep' } as const;
    const report = await auditor.audit({ a: { of: 'local' }, b: bundle });
    assert.deepEqual(
      report.findings.map(({ path, only }) => [path, only]),
      [['hosts/b', 'a']],
    );
    assert.deepEqual([report.b.is, report.b.name, report.b.revision], ['bundle', 'a.lockstep', revision]);
    assert.ok(!existsSync(file));
  });

  it('that cannot open a bundle leaves nothing open, and the upload for another try', async () => {
    const upload = await uploaded();
    const bundle = { of: 'bundle', upload, passphrase: 'another one', name: 'a' } as const;
    await assert.rejects(auditor.audit({ a: { of: 'local' }, b: bundle }), { code: 'wrong-passphrase' });
    assert.ok(existsSync(await incoming.find(upload)));
    const garbage = (await incoming.receive(Readable.from([Buffer.from('garbage')]))).upload;
    const other = { of: 'bundle', upload: garbage, passphrase: PASSPHRASE, name: 'a' } as const;
    await assert.rejects(auditor.audit({ a: { of: 'local' }, b: other }), LockstepError);
  });

  it('of a revision that is not kept, or a partner that is not there, says so', async () => {
    const local = { of: 'local' } as const;
    await assert.rejects(auditor.audit({ a: local, b: { of: 'revision', revision: 99 } }), {
      code: 'no-such-revision',
    });
    await assert.rejects(auditor.audit({ a: local, b: { of: 'partner' } }), { code: 'partner-unreachable' });
  });

  it('tells of damage and of files that are not what the store holds', async () => {
    health.found('the scrub', [{ path: 'hosts/a', reason: 'is not what its hash says' }]);
    const file = { file: 'hosts/a.json', path: 'hosts/a', code: 'file-edit', reason: 'it was edited' };
    files = [file as Status['files'][number]];
    const own = { of: 'revision', revision: store.head.revision } as const;
    const { verdict, findings } = await auditor.audit({ a: { of: 'local' }, b: own });
    assert.equal(verdict, 'damaged');
    assert.deepEqual(findings.map(({ class: found }) => found).sort(), ['corruption', 'mirror']);
  });

  it('looks again while the units move, and says after three looks that nothing settled', async () => {
    let opens = 0;
    askPartner = async question => {
      const answer = await auditor.answer(question);
      if (question.ask === 'open' && ++opens) await commit('hosts/a', { address: `10.0.1.${opens}` });
      return answer;
    };
    const report = await auditor.audit({ a: { of: 'local' }, b: { of: 'partner' } });
    assert.ok(!report.settled);
    assert.ok(opens >= 3, `${opens} looks`);
  });

  it('answers what it is asked, and nothing else', async () => {
    const answer = await auditor.answer({
      ask: 'open',
      digest: '',
      schemaDigest: '',
      nonce: '0'.repeat(64),
      all: false,
    });
    assert.deepEqual([answer.is, answer.name, answer.revision], ['unit', 'lb-a', store.head.revision]);
    await assert.rejects(auditor.answer({ ask: 'secrets' }), { code: 'bad-message' });
  });
});
