/** The figures that are read off the status when somebody asks for them. */
import type { Status } from '../api/contract/status.ts';
import { type GaugeValue, spaceGauges } from './metrics.ts';

export function gaugesOf(status: Status, driftRecords: number): Record<string, GaugeValue> {
  const { unit, sync, partner, files, branches, provisional, takeover, store, backup } = status;
  return {
    revision: { help: 'Newest revision.', value: unit.revision },
    epoch: { help: 'Epoch of this unit.', value: unit.epoch },
    records: { help: 'Shared records.', value: unit.records },
    updates_paused: {
      help: '1 while somebody has paused the updates of this unit.',
      value: sync.pause === null ? 0 : 1,
    },
    pacified: {
      help: '1 when this unit restarted too often and takes part in nothing.',
      value: unit.pacified === null ? 0 : 1,
    },
    unconfirmed: {
      help: '1 when what this unit holds was restored and not confirmed.',
      value: unit.unconfirmed === undefined ? 0 : 1,
    },
    active: { help: '1 when this unit is active.', value: unit.role === 'active' ? 1 : 0 },
    partner_seen: {
      help: '1 when the partner is seen.',
      value: partner?.seen ? 1 : 0,
    },
    in_step: {
      help: '1 in step, 0 not, -1 not known.',
      value: sync.inStep === null ? -1 : Number(sync.inStep),
    },
    ...spaceGauges(store),
    disk_refuses_writes: {
      help: '1 when the disk does not take what the store writes.',
      value: store.refused === null ? 0 : 1,
    },
    damaged: { help: '1 when the store is damaged.', value: store.damage === null ? 0 : 1 },
    drift_records: {
      help: 'Records that differ where the units ought to be equal.',
      value: driftRecords,
    },
    missing_revisions: { help: 'Revisions that the standby lacks.', value: sync.missing?.revisions ?? 0 },
    open_branches: {
      help: 'Branches that wait to be merged.',
      value: branches.length,
    },
    provisional: {
      help: '1 while a change waits to be confirmed.',
      value: provisional === null ? 0 : 1,
    },
    takeover_ready: {
      help: '1 when this standby could take over now, 0 not, -1 not known, or not a standby.',
      value: takeover === null || takeover.ready === null ? -1 : Number(takeover.ready),
    },
    takeover_findings: { help: 'What a takeover would stumble over.', value: takeover?.count ?? 0 },
    backup_failures: {
      help: 'Attempts of a scheduled backup that failed since the last one that went well.',
      value: backup.schedule?.failures ?? 0,
    },
    backup_last_run_timestamp_seconds: {
      help: 'When a scheduled backup was last made; 0: never, or the last one failed.',
      value: backup.lastRun?.reason === undefined ? seconds(backup.lastRun?.at) : 0,
    },
    backup_drill_passed_timestamp_seconds: {
      help: 'When a drill of a backup last passed; 0: never.',
      value: seconds(backup.drill.passed?.at),
    },
    backup_drill_failed: {
      help: '1 when the last drill of a backup failed.',
      value: backup.drill.last?.reason === undefined ? 0 : 1,
    },
    uncommitted_files: {
      help: 'Files under config/ that could not be committed.',
      value: files.length,
    },
  };
}

function seconds(iso: string | undefined): number {
  return iso === undefined ? 0 : Date.parse(iso) / 1000;
}
