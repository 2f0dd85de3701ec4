import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Status } from '../api/contract/status.ts';
import type { Events } from './events.ts';

/** What a unit takes of its disk, as gauges. */
export function spaceGauges({ space, history }: Status['store']): Record<string, GaugeValue> {
  return {
    history_revisions: { help: 'Revisions that are kept.', value: history.revisions },
    history_oldest_revision: { help: 'The oldest revision that is kept.', value: history.oldest },
    store_bytes: { help: 'Size of the file of the store.', value: space.storeBytes },
    store_free_bytes: { help: 'Inside it: used before the file grows.', value: space.storeFreeBytes },
    log_bytes: { help: 'Size of the log, with what was rotated.', value: space.logBytes },
    backup_bytes: { help: 'Size of the bundles in the folder of the unit.', value: space.backupBytes },
    incoming_bytes: { help: 'Size of bundles that were uploaded.', value: space.incomingBytes },
    disk_free_bytes: {
      help: 'Free on the disk of the unit; -1: not known.',
      value: space.diskFreeBytes ?? -1,
    },
    disk_full_days: {
      help: 'Days until the disk of the unit is full, as it fills up now; -1: not within ten years, or not known.',
      value: space.fullInDays ?? -1,
    },
  };
}

export interface GaugeValue {
  help: string;
  value: number;
}

/** 24 days: the longest that a timer can wait. */
const NEVER_MS = 2_147_483_647;

/** What Prometheus sees of a unit; the only user of prom-client. */
export class Metrics {
  private readonly registry = new Registry();
  private readonly commits = this.counter('lockstep_commits_total', 'Revisions made on this unit.', ['kind']);
  private readonly updates = this.counter(
    'lockstep_updates_total',
    'Updates sent (active) or taken (standby).',
    ['direction', 'result'],
  );
  private readonly updateSeconds = new Histogram({
    name: 'lockstep_update_seconds',
    help: 'From the start of an update to its receipt.',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
    registers: [this.registry],
  });
  readonly refusals = this.counter('lockstep_refusals_total', 'Connections and messages refused.', [
    'reason',
  ]);
  private readonly backups = this.counter('lockstep_backups_total', 'Runs of the backup schedule.', [
    'result',
  ]);
  private readonly certificates = new Gauge({
    name: 'lockstep_certificate_days_left',
    help: 'Whole days until a certificate expires; negative once it has.',
    labelNames: ['name', 'kind'],
    registers: [this.registry],
  });
  private readonly gauges = new Map<string, Gauge>();

  /** Counts what happens from now on. */
  follow(events: Events): void {
    events.on('committed', ({ revision }) => this.commits.inc({ kind: revision.kind }));
    events.on('updateSent', ({ result, ms }) => {
      this.updates.inc({ direction: 'sent', result });
      this.updateSeconds.observe(ms / 1000);
    });
    events.on('updateReceived', ({ result }) => this.updates.inc({ direction: 'taken', result }));
    events.on('backupRun', ({ result }) => this.backups.inc({ result }));
  }

  constructor() {
    // By default it wakes the daemon a hundred times a second, to measure the delay of what it woke.
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: NEVER_MS });
    for (const what of ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'])
      this.registry.removeSingleMetric(`nodejs_eventloop_lag_${what}_seconds`);
  }

  /** `values`: gauge name (without `lockstep_`) → value; read when somebody asks. */
  async render(values: Record<string, GaugeValue>): Promise<string> {
    for (const [name, { help, value }] of Object.entries(values)) this.gauge(name, help).set(value);
    return this.registry.metrics();
  }

  /** What is no longer there is no longer shown. */
  certificateDays(certificates: { name: string; kind: string; days: number }[]): void {
    this.certificates.reset();
    for (const { name, kind, days } of certificates) this.certificates.set({ name, kind }, days);
  }

  private gauge(name: string, help: string): Gauge {
    const known =
      this.gauges.get(name) ?? new Gauge({ name: `lockstep_${name}`, help, registers: [this.registry] });
    this.gauges.set(name, known);
    return known;
  }

  private counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }
}
