import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RULES } from '../../schema/rules/index.ts';
import { openMemory } from '../../store/memory.ts';
import type { StoreSnapshot } from '../../store/snapshot.ts';
import { Store } from '../../store/store.ts';
import { sampleCatalog } from './sample-kinds.ts';

const catalog = sampleCatalog();
const path = fc.integer({ min: 1, max: 6 }).map(index => `things/t${index}`);
const commits = fc.array(fc.array(fc.tuple(path, fc.option(fc.nat(50))), { minLength: 1, maxLength: 4 }), {
  minLength: 2,
  maxLength: 12,
});

async function shown(snapshot: StoreSnapshot): Promise<string[]> {
  const lines: string[] = [];
  for await (const run of snapshot.spelledChanges())
    lines.push(...run.map(({ path: at, value }) => `${at} ${value}`));
  return lines;
}

describe('a store as it was at an earlier revision', () => {
  it('shows the records and has the digest of that time, and traces end there', async () => {
    await fc.assert(
      fc.asyncProperty(commits, async all => {
        const store = await Store.open({ port: openMemory(), catalog, rules: RULES, now: () => new Date() });
        await store.setRole('active', 1);
        const states = new Map<number, { digest: string; lines: string[] }>();
        for (const edits of all) {
          for (const [at, size] of edits) {
            const there = (await store.read(at)) !== undefined;
            if (size === null && !there) continue;
            const change =
              size === null
                ? { op: 'remove' as const, path: at }
                : { op: 'put' as const, path: at, value: { size } };
            await store.commit({ changes: [change], kind: 'change', author: 'ada', reason: 'why' });
            const now = await store.snapshot();
            states.set(store.head.revision, { digest: store.head.digest, lines: await shown(now) });
            now.close();
          }
        }
        const snapshot = await store.snapshot();
        for (const [revision, { digest, lines }] of states) {
          const past = await snapshot.past(revision);
          assert.deepEqual([past.head.digest, past.head.revision], [digest, revision]);
          assert.deepEqual(await shown(past), lines);
          assert.deepEqual((await past.verifyLeaves(0, 1000)).findings, []);
          const traces = await past.traces(lines.map(line => line.split(' ')[0] as string));
          assert.equal(traces.size, lines.length);
          for (const { revision: by } of traces.values()) assert.ok(by.revision <= revision);
        }
        snapshot.close();
      }),
      { numRuns: 12 },
    );
  });
});
