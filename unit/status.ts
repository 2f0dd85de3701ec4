/** What a unit says of itself: what the pair is, its disk, and what else somebody should know. */
import type { Status } from '../api/contract/status.ts';
import type { Problem } from '../schema/error.ts';
import type { Mirror } from '../store/mirror/mirror.ts';
import type { Auditing } from './audits/auditing.ts';
import type { BackupRunner } from './backups/runner.ts';
import type { CertificateService } from './certificates/service.ts';
import { withoutRepeats } from './doctor/examining.ts';
import type { Pair } from './pair/pair.ts';
import type { StandingProblems } from './pair/problems.ts';
import { makeStatus } from './pair/status.ts';
import { gatherFacts } from './pair/status-facts.ts';
import { type DiskWatch, refusedProblem } from './store-care/disk-watch.ts';
import type { Growth } from './store-care/growth.ts';
import type { HistoryKeeper } from './store-care/history-keeper.ts';
import type { Scrub } from './store-care/scrub.ts';

export interface StatusSources {
  pair: Pair;
  mirror: Mirror | undefined;
  scrub: Scrub;
  backups: BackupRunner;
  certificates: CertificateService;
  auditing: Auditing;
  keeper: HistoryKeeper;
  growth: Growth;
  standing: StandingProblems;
  disk: DiskWatch;
}

export async function wholeStatus(sources: StatusSources): Promise<Status> {
  const { pair, mirror, scrub, backups, certificates, auditing, keeper, growth, standing, disk } = sources;
  const refused = await disk.look();
  const { verifiedAt = null, progress = null } = scrub;
  const files = mirror?.troubles() ?? [];
  const status = makeStatus(await gatherFacts(pair, files, { verifiedAt, verifying: progress }));
  const own = [
    ...(refused === null ? [] : [refusedProblem(refused)]),
    ...growth.warnings(),
    ...backups.warnings(),
    ...auditing.warnings(),
    ...unlessFound(certificates.warnings(), status.takeover?.findings ?? []),
  ];
  return {
    ...status,
    store: { ...status.store, space: await growth.space(), history: keeper.kept, refused },
    warnings: withoutRepeats([...status.warnings, ...own, ...standing.warnings()]),
    backup: backups.status,
  };
}

/** A standby names what a takeover would stumble over; that need not be said twice. */
function unlessFound(warnings: Problem[], findings: Problem[]): Problem[] {
  const found = new Set(findings.map(({ code, path }) => `${code} ${path}`));
  return warnings.filter(({ code, path }) => !found.has(`${code} ${path}`));
}
