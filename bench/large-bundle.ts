/**
 * One large bundle in a process of its own, whose memory is nothing else's: `tsx bench/large-bundle.ts create|verify FILE BYTES`.
 * Prints a Cost as JSON.
 */
import type { Cost } from './figure.ts';
import { create, incompressible, verify } from './making.ts';
import { cost } from './timing.ts';

const [act, file = '', bytes] = process.argv.slice(2);

/** With how much memory this process has at the most meanwhile. */
async function withMemory(work: () => Promise<void>): Promise<Cost> {
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const spent = await cost(work).finally(() => clearInterval(watch));
  return { ...spent, megabytes: peak / 1e6 };
}

const spent = await withMemory(() =>
  act === 'create' ? create(incompressible(Number(bytes)), file) : verify(file),
);
process.stdout.write(JSON.stringify(spent));
