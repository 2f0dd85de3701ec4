import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import type { JsonObject } from '../../../schema/json.ts';
import { sshKeyBlob } from '../../../schema/ssh-key.ts';
import type { Store } from '../../../store/store.ts';
import type { Change } from '../../../store/transition.ts';
import { generateKeyPair } from '../../../sync/ssh/keys.ts';
import { Operators } from '../../../unit/access/operators.ts';
import { Events } from '../../../unit/events.ts';
import { Health } from '../../../unit/store-care/health.ts';
import { unitWith } from '../../backup/restorer.ts';
import { keptLog } from '../log/kept-log.ts';
import { until } from '../until.ts';

const keyOf = (line: string): string => line.split(' ').slice(0, 2).join(' ');
const [ADA, BOB] = [keyOf(generateKeyPair().public), keyOf(generateKeyPair().public)] as const;

describe('who may work on a unit from elsewhere', () => {
  let store: Store;
  let operators: Operators;
  let gone: string[];

  async function open(records: Record<string, JsonObject>): Promise<void> {
    store = await unitWith(records);
    const { log } = keptLog();
    const events = new Events(log);
    gone = [];
    events.on('operatorGone', ({ name, who }) => gone.push(`${name}: ${who}`));
    const health = Health.open({ file: '/nonexistent/damage', events, log, now: () => new Date() });
    operators = await Operators.open({ store, health, events, log });
  }
  afterEach(async () => {
    operators.stop();
    await store.close();
  });

  const commit = (...changes: Change[]) =>
    store.commit({ changes, kind: 'change', author: 'root', reason: 'r' });
  const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });
  const admitted = (key: string): string | undefined => operators.admit(sshKeyBlob(key));

  /** What becomes of a stream of whoever was admitted as `who`. */
  function served(key: string, who: string): { asWhom: string | undefined; closed: boolean } {
    const stream = new PassThrough();
    let asWhom: string | undefined;
    const peer = { keyBlob: sshKeyBlob(key), who, address: '10.0.0.9' };
    operators.take(stream, peer, (_stream, { name, role }) => {
      asWhom = `${name} ${role}`;
    });
    return { asWhom, closed: stream.destroyed };
  }

  it('is whoever has the key of a record, with the role that it gives', async () => {
    await open({ 'operators/ada': { publicKey: ADA, role: 'operate' } });
    assert.equal(admitted(BOB), undefined);
    assert.deepEqual(served(ADA, String(admitted(ADA))), { asWhom: 'ada operate', closed: false });
  });

  it('is said by the unit itself, where both units and it name one key', async () => {
    await open({
      'unitOperators/ada-here': { publicKey: ADA, role: 'admin' },
      'operators/ada': { publicKey: ADA, role: 'read' },
    });
    assert.deepEqual(served(ADA, String(admitted(ADA))).asWhom, 'ada-here admin');
  });

  it('is admitted from the commit on that names them', async () => {
    await open({});
    await commit(put('operators/bob', { publicKey: BOB, role: 'read' }));
    await until(() => admitted(BOB) !== undefined);
    assert.deepEqual(gone, []);
  });

  it('loses the connections with the record, and with a role or a key that is another one', async () => {
    await open({
      'operators/ada': { publicKey: ADA, role: 'admin' },
      'operators/bob': { publicKey: BOB, role: 'read' },
    });
    const asAdmin = String(admitted(ADA));
    await commit(put('operators/ada', { publicKey: ADA, role: 'read' }));
    await until(() => gone.length > 0);
    assert.deepEqual(gone, [`ada: ${asAdmin}`]);
    assert.deepEqual(served(ADA, asAdmin), { asWhom: undefined, closed: true });
    await commit({ op: 'remove', path: 'operators/bob' });
    await until(() => gone.length > 1);
    assert.match(gone[1] ?? '', /^bob: /);
    assert.equal(admitted(BOB), undefined);
  });

  it('keeps the connections through commits about something else, or about the same person', async () => {
    await open({ 'operators/ada': { publicKey: ADA, role: 'admin' } });
    const before = admitted(ADA);
    await commit(put('host', { hostname: 'other' }));
    await commit(
      put('operators/ada', { publicKey: ADA, role: 'admin', comment: 'nights' }),
      put('operators/bob', { publicKey: BOB, role: 'read' }),
    );
    await until(() => admitted(BOB) !== undefined);
    assert.deepEqual([admitted(ADA), gone], [before, []]);
  });
});
