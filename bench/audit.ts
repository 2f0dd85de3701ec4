/** What an audit of 60,000 records costs, without a network: what would cross is the same each time, and is held to its limits. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { compare } from '../audit/compare.ts';
import type { Question, Side } from '../audit/facts.ts';
import { SnapshotSide } from '../audit/snapshot-side.ts';
import { openLmdb } from '../store/lmdb/lmdb.ts';
import { Store } from '../store/store.ts';
import type { Change } from '../store/transition.ts';
import type { Bench } from './bench.ts';
import { type Aim, costOf, type Figure } from './figure.ts';
import { catalog } from './making.ts';
import { median } from './samples.ts';
import { scratchFolder } from './scratch.ts';
import { cost } from './timing.ts';

const RECORDS = 60_000;
const A_COMMIT = 500;
const DRIFTED = 10;
const ROUNDS = 15;
const NONCE = '5'.repeat(64);

export const audits: Bench = {
  name: 'audit',
  run: async ({ say }) => {
    const { folder, remove } = scratchFolder();
    try {
      say(`fills two stores with ${RECORDS} records each`);
      const [one, other] = [await filled(path.join(folder, 'a')), await filled(path.join(folder, 'b'))];
      const equal = await measure(one, other, 'equal units', { exchanges: 1, bytes: 2048 }, 5);
      const drift = Array.from({ length: DRIFTED }, (_, index) => host(index * 5_999, 11));
      await other.commit({ changes: drift, kind: 'change', author: 'bench', reason: 'drift' });
      const limits = { exchanges: 4, bytes: 64 * 1024 };
      const drifted = await measure(one, other, `${DRIFTED} drifted records`, limits, 10);
      await Promise.all([one.close(), other.close()]);
      return [equal, drifted];
    } finally {
      remove();
    }
  },
};

async function measure(
  one: Store,
  other: Store,
  what: string,
  most: { exchanges: number; bytes: number },
  ms: number,
): Promise<Figure> {
  const times: { ms: number; cpuMs: number }[] = [];
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round++) {
    bytes = 0;
    const [a, b] = [await one.snapshot(), await other.snapshot()];
    const near = side(a, 'a');
    const far = side(b, 'b');
    const ask = async (question: Question): Promise<unknown> => {
      const answer = await far.ask(question as never);
      bytes += JSON.stringify(question).length + JSON.stringify(answer).length;
      return answer;
    };
    let exchanges = 0;
    const spent = await cost(async () => {
      const options = { catalog, nonce: NONCE, all: false };
      ({ exchanges } = await compare(near, { ask: ask as Side['ask'] }, options));
    });
    a.close();
    b.close();
    assert.ok(exchanges <= most.exchanges, `${what}: ${exchanges} exchanges`);
    assert.ok(bytes <= most.bytes, `${what}: ${bytes} bytes`);
    times.push(spent);
  }
  const aim: Aim = { ms, bytes: most.bytes };
  const measured = costOf(
    times.map(each => each.ms),
    { cpuMs: median(times.map(each => each.cpuMs)), bytes },
  );
  return { what: `audit of ${RECORDS.toLocaleString('en')} records on the disk: ${what}`, measured, aim };
}

function side(snapshot: Awaited<ReturnType<Store['snapshot']>>, name: string): SnapshotSide {
  const { digest, kindDigests } = catalog;
  const schema = { schemaDigest: digest, kinds: kindDigests, release: '0.1.0' };
  const unit = { is: 'unit' as const, name, unitId: name, pairId: 'bench' };
  return new SnapshotSide(snapshot, catalog, { ...unit, ...schema, damage: [], damaged: 0, mirror: [] });
}

async function filled(folder: string): Promise<Store> {
  const store = await Store.open({ port: openLmdb(folder), catalog, rules: [], now: () => new Date(0) });
  await store.setRole('active', 1);
  for (let from = 0; from < RECORDS; from += A_COMMIT) {
    const changes = Array.from({ length: A_COMMIT }, (_, index) => host(from + index));
    await store.commit({ changes, kind: 'change', author: 'bench', reason: 'fill' });
  }
  return store;
}

function host(index: number, net = 10): Change {
  const address = `${net}.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
  return { op: 'put', path: `hosts/host-${index}.site.example`, value: { address } };
}
