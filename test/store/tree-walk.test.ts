import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bucketOf, readBucket, readDigest, readNode, recordHash, updateTree } from '../../store/digest.ts';
import { openMemory } from '../../store/memory.ts';
import type { StorePort } from '../../store/port.ts';
import type { Change } from '../../store/transition.ts';
import { cutNode, type Difference, difference, type NodePair, nextStep } from '../../store/tree-walk.ts';
import { MemoryPair } from '../sync/pair-in-memory.ts';

/** Records as the walk sees them: path → content. */
type Records = Map<string, string>;

async function treeOf(records: Records): Promise<StorePort> {
  const port = openMemory();
  await change(port, [...records], []);
  return port;
}

async function change(port: StorePort, upserts: [string, string][], removals: string[]): Promise<void> {
  const was = async (path: string) => (await readBucket(port, bucketOf(path))).get(path);
  const leaves = await Promise.all([
    ...upserts.map(async ([path, content]) => ({ path, was: await was(path), hash: recordHash(content) })),
    ...removals.map(async path => ({ path, was: await was(path), hash: undefined })),
  ]);
  const { put, remove } = await updateTree(port, leaves, await readDigest(port));
  await port.batch({ expect: [], put, remove });
}

/** The walk of two units, without anything between them. */
async function walk(own: StorePort, partner: StorePort): Promise<Difference> {
  const pair = async ([level, index]: [number, number]): Promise<NodePair> => ({
    level,
    index,
    own: cutNode(await readNode(own, level, index)),
    partner: cutNode(await readNode(partner, level, index)),
  });
  let further: ReturnType<typeof nextStep> = { nodes: [[0, 0]] };
  while ('nodes' in further) further = nextStep(await Promise.all(further.nodes.map(pair)));
  const leaves = async (port: StorePort, index: number) =>
    new Map([...(await readBucket(port, index))].map(([path, hash]) => [path, hash.toString('base64')]));
  const buckets = further.buckets.map(async index => ({
    own: await leaves(own, index),
    partner: await leaves(partner, index),
  }));
  return difference(await Promise.all(buckets));
}

/** Few names, so that the two sets share many of them. */
const records: fc.Arbitrary<Records> = fc
  .array(fc.tuple(fc.nat(300), fc.nat(3)), { maxLength: 200 })
  .map(all => new Map(all.map(([name, content]) => [`hosts/h${name}`, String(content)])));

describe('the walk down the digest tree', () => {
  it('finds exactly what differs, and that makes the two equal', async () => {
    await fc.assert(
      fc.asyncProperty(records, records, async (ours, theirs) => {
        const [own, partner] = await Promise.all([treeOf(ours), treeOf(theirs)]);
        const { upserts, removals } = await walk(own, partner);
        const wanted = [...ours.keys()].filter(path => ours.get(path) !== theirs.get(path));
        assert.deepEqual([...upserts].sort(), wanted.sort(), 'only what the partner lacks is sent');
        assert.deepEqual([...removals].sort(), [...theirs.keys()].filter(path => !ours.has(path)).sort());
        await change(
          partner,
          upserts.map(path => [path, ours.get(path) as string]),
          removals,
        );
        assert.equal(await readDigest(partner), await readDigest(own));
      }),
      { numRuns: 100 },
    );
  });

  it('of two equal trees ends at once, with nothing', async () => {
    const one = await treeOf(new Map([['ha', 'x']]));
    assert.deepEqual(await walk(one, one), { upserts: [], removals: [] });
    const empty = openMemory();
    assert.deepEqual(await walk(empty, empty), { upserts: [], removals: [] });
  });
});

const RECORDS = 60_000;
const host = (index: number, net = 10): Change => ({
  op: 'put',
  path: `hosts/host-${index}.site.example`,
  value: { address: `${net}.${index >> 16}.${(index >> 8) & 255}.${index & 255}` },
});

describe(`10 records of ${RECORDS.toLocaleString('en')} differ`, function () {
  this.timeout(60_000); // making them takes longer than mending
  it('and the standby is mended with at most 64 KB, after 4 questions', async () => {
    const pair = await MemoryPair.open('memory');
    try {
      const { first, second } = pair;
      await first.commit(...Array.from({ length: RECORDS }, (_, index) => host(index)));
      await pair.connect();
      await first.reaches('in-step');

      pair.cut();
      // What a hand on the disk of the standby would do: its state is one that the active unit never held.
      await second.store.setRole('active', 1);
      const drift = Array.from({ length: 10 }, (_, index) => index * 5_999);
      await second.commit(
        ...drift.slice(0, 4).map(index => host(index, 11)),
        ...drift.slice(4, 7).map((index): Change => ({ op: 'remove', path: host(index).path })),
        ...drift.slice(7).map(index => host(RECORDS + index)),
      );
      await second.store.setRole('standby', 1);

      pair.frames.length = 0;
      await pair.reconnect();
      await first.reaches('in-step');
      assert.equal(second.store.head.digest, first.store.head.digest);

      const frames = pair.frames.filter(({ payload }) => !payload.toString().includes('"hello'));
      const bytes = frames.reduce((sum, { payload }) => sum + payload.length, 0);
      const questions = pair.requests().filter(({ type }) => type === 'compare' || type === 'list');
      assert.ok(bytes <= 64 * 1024, `${bytes} bytes crossed`);
      assert.ok(questions.length <= 4, `${questions.length} questions were asked`);
      assert.equal(first.sent.at(-1)?.records, 10);
    } finally {
      await pair.close();
    }
  });
});
