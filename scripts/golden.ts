/**
 * Makes the golden data of a release: folders of both units of a pair, bundles, and conversations of the pair, by its real
 * program, and keeps that program. What is there already is never made again for a release that is out: test/golden/README.md.
 *
 *     git worktree add /tmp/release 6517775 && (cd /tmp/release && npm ci)
 *     npm run golden -- /tmp/release 0.1.0
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { TestUnit, temporaryFolder } from '../test/e2e/daemon.ts';
import { type Expected, Golden, PLACES, type SetName, UNITS } from '../test/golden/golden.ts';
import { recordConversations } from '../test/golden/record.ts';
import { makeSets } from '../test/golden/story.ts';

const [checkout = '', release = ''] = process.argv.slice(2);
const main = path.resolve(checkout, 'dist/main.js');
if (!existsSync(main) || !/^\d+\.\d+\.\d+$/.test(release))
  throw new Error(
    'golden takes the path of a built checkout and its release: npm run golden -- /tmp/release 0.1.0',
  );
const golden = new Golden(release);
if (existsSync(golden.folder)) throw new Error(`${golden.folder} is there; golden data is never made again`);

const { folder, remove } = temporaryFolder();
try {
  const unit = (dir: string, name: (typeof UNITS)[number]): TestUnit =>
    new TestUnit(path.join(dir, name), PLACES[name].address, { main });
  mkdirSync(golden.folder, { recursive: true });
  const kept = path.join(folder, 'kept');
  const keep = (from: string, set: SetName): void => {
    for (const name of UNITS)
      cpSync(path.join(from, name), path.join(kept, set, name), {
        recursive: true,
        preserveTimestamps: true,
        filter: file => !/\/(log|control\.sock)$/.test(file),
      });
  };
  const story = await makeSets({ folder: path.join(folder, 'pair'), unit, keep, golden });
  const revision = execFileSync('git', ['-C', checkout, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  golden.writeJson('expected.json.br', { revision, ...story } satisfies Expected);
  golden.packSets(kept);
  golden.packProgram(checkout);
  const conversations = await recordConversations((set, story) => {
    const dir = path.join(folder, `said-${story}`);
    cpSync(path.join(kept, set), dir, { recursive: true, preserveTimestamps: true });
    return { ha1: unit(dir, 'ha1'), ha2: unit(dir, 'ha2') };
  });
  golden.writeJson('conversations.json.br', conversations);
} catch (error) {
  rmSync(golden.folder, { recursive: true, force: true }); // half of it is worth nothing
  throw error;
} finally {
  remove();
}
