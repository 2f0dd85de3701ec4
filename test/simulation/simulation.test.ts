import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { MUTATIONS } from './mutations.ts';
import { runSeeds } from './seeds.ts';
import { simulate } from './simulation.ts';
import { tale } from './tale.ts';

/** The same ones each time; `.ci/run` adds 500 that nobody has seen. */
const FIRST_SEED = 1;
const SEEDS = 500;

describe('whatever fails, and in whichever order', () => {
  it('no commit is lost, nothing is mixed, no epoch goes back, and the pair ends in step or says who must decide', async function () {
    this.timeout(300_000); // it takes 15 s on two processors of its own
    const { seeds, failed, ends, replacements, seconds } = await runSeeds(FIRST_SEED, SEEDS);
    assert.equal(failed.length, 0, failed.map(tale).join('\n\n'));
    process.stdout.write(`    ${seeds} seeds in ${seconds.toFixed(1)} s\n`);
    assert.ok((ends.get('in-step / in-step') ?? 0) > SEEDS / 2, 'most runs end in step without help');
    assert.ok(replacements > SEEDS / 4, 'units are replaced in many runs');
  });

  it('a seed replays to the letter', async () => {
    for (const seed of [7, 73, 112]) {
      const [one, again] = [await simulate(seed), await simulate(seed)];
      assert.ok(one.log.length > 50, 'much happens');
      assert.deepEqual(again, one);
    }
  });
});

describe('a mutation of the product', () => {
  it('names a line that stands exactly once in its file', () => {
    for (const { name, changes } of MUTATIONS)
      for (const { file, from } of changes)
        assert.equal(readFileSync(file, 'utf8').split(from).length - 1, 1, `${name}: ${file}`);
  });
});
