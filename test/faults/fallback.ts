import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder, until } from '../e2e/daemon.ts';
import type { Fault } from './fault.ts';
import { onOnePair, type PatientPair } from './pair.ts';

/** Changes after the snapshot: all of them have a receipt of the standby before it is put back. */
const MOST_LATER = 5;

async function copied(pair: PatientPair, from: string, to: string): Promise<void> {
  await pair.ha1.stop();
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
}

/** A snapshot of the active unit's folder is put back; the standby takes over by itself, and hands back afterwards. */
const fallBack: Fault = {
  name: 'the disk of the active unit falls back',
  tries: 20,
  run: async (times, log) => {
    const { folder, remove } = temporaryFolder();
    const image = path.join(folder, 'image');
    try {
      return await onOnePair(176, times, async (pair, number) => {
        const { ha1, ha2 } = pair;
        await copied(pair, ha1.dir, image);
        await pair.recover();
        const later = 1 + (number % MOST_LATER);
        for (let count = 0; count < later; count++) await pair.commit();
        await pair.recover();
        await copied(pair, image, ha1.dir);
        await pair.serve(ha1);
        await until('the standby took over', async () => (await ha2.status()).unit.role === 'active');
        await pair.recover();
        await ha1.api.call('takeover', {});
        log(`fall-back ${number + 1}: ${later} changes behind`);
      });
    } finally {
      remove();
    }
  },
};

export const fallbacks: Fault[] = [fallBack];
