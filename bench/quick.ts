/** The form for CI: ratios only, both sides in turn in the same rounds, held against what docs/PERFORMANCE.md claims. */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { BOTH, UPDATE } from './acts.ts';
import { CREATE, manyRecords, RESTORE, RESTORE_EMPTY } from './bundle.ts';
import { type Judged, judge, type Ratio, readClaims, unproved } from './claims.ts';
import type { Figure } from './figure.ts';
import { onStages } from './in-step.ts';
import { oneChange } from './one-change.ts';
import { isInstalled } from './program.ts';
import { rsyncDocument, rsyncTold, rsyncTree } from './rivals/rsync.ts';

const CLAIMS = path.join(import.meta.dirname, '../docs/PERFORMANCE.md');
const SIZES: [number, number] = [100, 1000];
const ROUNDS = { warmUps: 150, rounds: 8, changes: 4 };
const BUNDLE = { services: 600, rounds: 5, emptyRounds: 3, restic: false };

/** Resolves to the exit code: 1 when a ratio is worse than half of what is claimed. */
export async function quick(say: (line: string) => void): Promise<number> {
  const claims = readClaims(readFileSync(CLAIMS, 'utf8'));
  const ratios = await measure(say);
  const judged = judge(ratios, claims);
  process.stdout.write(table(judged));
  for (const claim of unproved(ratios, claims)) say(`not measured, a tool is missing: ${claim}`);
  return judged.every(({ holds }) => holds) ? 0 : 1;
}

function measure(say: (line: string) => void): Promise<Ratio[]> {
  const rivals = [rsyncTold, rsyncTree, rsyncDocument];
  const setting = { sizes: SIZES, rivals, firstTimes: false, say, note: say };
  return onStages(setting, async (stages, floor, folder) => {
    say('one change, in turn');
    const ratios = ratiosOfOneChange(await oneChange(stages, floor, folder, ROUNDS));
    if (!isInstalled('gpg')) return ratios;
    const own = path.join(folder, 'bundles');
    mkdirSync(own);
    return [...ratios, ...ratiosOfBundles(await manyRecords(own, BUNDLE, say))];
  });
}

function ratiosOfOneChange(figures: Figure[]): Ratio[] {
  const [small, large] = SIZES;
  const find = (what: string, services: number): Figure =>
    figures.find(figure => figure.what === what && figure.services === services) as Figure;
  const update = find(UPDATE, large);
  const beside = (update.rivals ?? []).map(({ who, cost }) => ({
    claim: `Force Update of one change: ${who}`,
    times: ratio(cost.ms, update.measured.ms),
  }));
  const grown = ratio(find(BOTH, small).measured.ms, find(BOTH, large).measured.ms);
  return [...beside, { claim: 'commit and Force Update: the same in a site of a tenth', times: grown }];
}

function ratiosOfBundles(figures: Figure[]): Ratio[] {
  return figures
    .filter(({ what }) => [CREATE, RESTORE, RESTORE_EMPTY].includes(what))
    .map(({ what, measured, rivals = [] }) => ({
      claim: `${what}: ${rivals[0]?.who.replaceAll('|', 'and')}`,
      times: ratio(rivals[0]?.cost.ms, measured.ms),
    }));
}

function ratio(theirs: number | undefined, ours: number | undefined): number {
  return (theirs ?? Number.NaN) / (ours ?? Number.NaN);
}

function table(judged: Judged[]): string {
  const rows = judged.map(({ claim, times, claimed, holds }) => [
    ...[claim, times.toFixed(2), claimed.toFixed(2), holds ? 'holds' : '**worse than half**'],
  ]);
  const head = ['so many times as fast as', 'measured', 'claimed', ''];
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |\n`).join('');
}
