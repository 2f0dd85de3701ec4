import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Status } from '../../api/contract/status.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { Partner } from '../../sync/pairing.ts';
import { generateKeyPair } from '../../sync/ssh/keys.ts';
import { Auditing } from '../../unit/audits/auditing.ts';
import { openBundle } from '../../unit/backups/open-bundle.ts';
import { Incoming } from '../../unit/backups/uploads.ts';
import { Events } from '../../unit/events.ts';
import { Health } from '../../unit/store-care/health.ts';
import { type Image, MemoryPair, type MemoryUnit } from '../sync/pair-in-memory.ts';
import { keptLog } from '../unit/log/kept-log.ts';

/** One unit of a pair in memory, with all that it does about audits. */
export interface AuditedUnit {
  unit: MemoryUnit;
  auditing: Auditing;
  health: Health;
  lines: ReturnType<typeof keptLog>['lines'];
  /** What its mirror complains of. */
  files: Status['files'];
}

export interface AuditedPair {
  pair: MemoryPair;
  first: AuditedUnit;
  second: AuditedUnit;
  /** A unit begins again with an older image of its disk, and dials its partner. */
  fallBack(mode: 'first' | 'second', image: Image): Promise<void>;
  close(): Promise<void>;
}

export async function openAudited({
  on = 'memory',
  otherRelease,
}: {
  on?: 'memory' | 'disk';
  otherRelease?: Catalog;
} = {}): Promise<AuditedPair> {
  const pair = await MemoryPair.open(on, otherRelease);
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-audit-'));
  const keys = { first: generateKeyPair(), second: generateKeyPair() };
  const audited = async (unit: MemoryUnit): Promise<AuditedUnit> => {
    const { mode, store, facts } = unit;
    const { log, lines } = keptLog();
    const now = (): Date => new Date();
    const events = new Events(log);
    const health = Health.open({ file: join(folder, `${mode}.json`), events, log, now });
    const files: Status['files'] = [];
    const other = mode === 'first' ? 'second' : 'first';
    const auditing = await Auditing.open({
      store,
      catalog: store.catalog,
      health,
      incoming: new Incoming(join(folder, mode), pair.timers),
      openBundle,
      hostKey: keys[mode],
      troubles: () => files,
      runHook: async () => undefined,
      sendMail: async () => undefined,
      events,
      pair: {
        syncState: () => unit.link.state,
        partner: () => ({ pairId: facts.pairId, hostKey: keys[other].public }) as Partner,
        ask: question => unit.link.audit(question),
        self: () => ({ name: mode, unitId: `unit-${mode}`, pairId: facts.pairId, release: facts.release }),
      },
      timers: pair.timers,
      now,
      log,
    });
    unit.auditing = auditing;
    return { unit, auditing, health, lines, files };
  };
  const both: AuditedPair = {
    pair,
    first: await audited(pair.first),
    second: await audited(pair.second),
    async fallBack(mode, image) {
      await both[mode].auditing.stop();
      both[mode] = await audited(await pair.fallBack(mode, image));
      pair[mode].link.start();
    },
    async close() {
      await Promise.all([both.first.auditing.stop(), both.second.auditing.stop()]);
      await pair.close();
      await Promise.all([both.first.health.settled(), both.second.health.settled()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return both;
}
