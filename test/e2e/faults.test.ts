import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crashes } from '../faults/crash.ts';
import { disks } from '../faults/disk.ts';
import { onOnePair } from '../faults/pair.ts';
import { until } from './daemon.ts';

/** A few tries of what `npm run faults` does at length; LOCKSTEP_FAULTS=1 adds what takes longer. */
const SAMPLES: Record<string, number> = {
  'disk fails in a commit (active)': 2,
  ...(process.env.LOCKSTEP_FAULTS === undefined
    ? {}
    : { 'disk fails in an update (standby)': 6, 'power cut of the active unit': 2, 'kill -9 of both': 2 }),
};

const HOUR_MS = 3_600_000;

describe('faults, a few of each', function () {
  this.timeout(60_000);

  for (const [name, tries] of Object.entries(SAMPLES)) {
    it(`${name}: nothing acknowledged is lost`, async function () {
      const fault = [...crashes, ...disks].find(each => each.name === name);
      assert.ok(fault !== undefined);
      const said: string[] = [];
      const { tried, lost } = await fault.run(tries, line => said.push(line));
      if (tried === 0) {
        process.stdout.write(`      skipped: ${said.join(' ')}\n`);
        return this.skip();
      }
      assert.equal(lost, 0, said.join('\n'));
    });
  }

  it('a clock that jumps 2 hours ahead, then 10 years back: commits go on, and status warns', async () => {
    const file = path.join(import.meta.dirname, `.clock-${process.pid}`);
    const shift = new URL('../faults/clock.mjs', import.meta.url).href;
    const inside = ['env', `NODE_OPTIONS=--import=${shift}`, `CLOCK_SHIFT_FILE=${file}`];
    writeFileSync(file, '0');
    const warned = (text: RegExp) => (warning: { code: string; message: string }) =>
      warning.code === 'clock-skew' && text.test(warning.message);
    try {
      const { lost } = await onOnePair(
        182,
        1,
        async (pair, number) => {
          const { ha1, ha2 } = pair;
          const before = (await ha1.status()).unit.revision;
          writeFileSync(file, String(number === 0 ? 2 * HOUR_MS : -10 * 365 * 24 * HOUR_MS));
          assert.equal(await pair.commit(), 'acknowledged');
          assert.equal((await ha1.api.call('history', { limit: 1 })).revisions[0]?.revision, before + 1);
          const [here, there] = number === 0 ? [/behind/, /ahead/] : [/ahead/, /behind/];
          await until('both warn', async () => {
            const [one, other] = await Promise.all([ha1.status(), ha2.status()]);
            return one.warnings.some(warned(here)) && other.warnings.some(warned(there));
          });
          assert.ok(ha2.log.some(({ code }) => code === 'clock-skew'));
        },
        { ha1: { inside } },
      );
      assert.equal(lost, 0);
    } finally {
      rmSync(file, { force: true });
    }
  });
});
