/** flip.ts FILE TRIES SEED: flips a bit of a copy, again and again; prints how often that was found, and how often LMDB reads everything. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { findPageFaults } from '../../store/lmdb/pages.ts';
import { Random } from '../random.ts';

const [file, tries, seed] = process.argv.slice(2) as [string, string, string];
const random = new Random(Number(seed));
const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-flip-'));
const good = readFileSync(file);
let found = 0;
let harmless = 0;
for (let number = 0; number < Number(tries); number++) {
  const at = path.join(folder, String(number));
  mkdirSync(at);
  const bytes = Buffer.from(good);
  const place = random.between(0, bytes.length - 1);
  bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << random.between(0, 7)), place);
  writeFileSync(path.join(at, 'data.mdb'), bytes);
  if ((await findPageFaults(path.join(at, 'data.mdb'))).length > 0) found++;
  else {
    const port = openLmdb(at);
    for await (const [key] of port.range({ from: '', to: '\u007f' })) await port.get(key);
    await port.batch({ expect: [], put: [['p new', Buffer.from('new')]], remove: ['u hosts/h1'] });
    await port.close();
    if ((await findPageFaults(path.join(at, 'data.mdb'))).length === 0) harmless++;
  }
  rmSync(at, { recursive: true });
}
rmSync(folder, { recursive: true });
process.stdout.write(JSON.stringify({ tried: Number(tries), found, harmless }));
