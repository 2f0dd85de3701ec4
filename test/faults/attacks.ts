import { ASSAULTS } from './assaults.ts';
import { AttackedPair } from './attacked-pair.ts';
import type { Fault } from './fault.ts';

/** Floods, each against a pair of its own. `backInStepMs` is the slowest change while the flood went on. */
export const ATTACKS: Fault[] = ASSAULTS.map(assault => ({
  name: `attack: ${assault.name}`,
  tries: assault.tries,
  run: async (tries, log) => {
    const pair = await AttackedPair.start();
    try {
      const { changes, lost, slowestMs, growthBytes, lines, ms } = await pair.under(assault, tries);
      log(
        `${tries} in ${(ms / 1000).toFixed(1)} s · ${changes} changes meanwhile, the slowest ${Math.round(slowestMs)} ms · ` +
          `${(growthBytes / 1024 / 1024).toFixed(1)} MiB above idle · lines about it: ${lines}`,
      );
      return { tried: tries, lost, backInStepMs: Math.round(slowestMs) };
    } finally {
      await pair.stop();
    }
  },
}));
