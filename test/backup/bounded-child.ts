/**
 * Reads bundles in a process of its own: `bounded-child.ts PASSPHRASE FILE…` prints a line of JSON for each,
 * `{file, code, ms, mb}`. `mb`: how far the peak of its memory so far, its start included, is above what it has before the first.
 */
import { openBundle } from '../../backup/read.ts';
import { BundleSource } from '../../backup/source.ts';
import { LockstepError } from '../../schema/error.ts';

await import('openpgp'); // its code is no cost of a bundle
const [passphrase = '', ...files] = process.argv.slice(2);
const idle = process.memoryUsage.rss() / 1024;

for (const file of files) {
  const started = performance.now();
  const source = await BundleSource.open(file);
  const code = await openBundle(source, passphrase).then(
    () => 'taken',
    (error: unknown) => (error instanceof LockstepError ? error.code : String(error)),
  );
  await source.close();
  const ms = Math.round(performance.now() - started);
  const mb = Math.round((process.resourceUsage().maxRSS - idle) / 1024);
  process.stdout.write(`${JSON.stringify({ file, code, ms, mb })}\n`);
}
