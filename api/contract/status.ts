/** How a unit and its pair are. */
import { openBranch } from './branches.ts';
import { method } from './method.ts';
import { unconfirmed } from './pair.ts';
import {
  count,
  either,
  flag,
  integer,
  list,
  named,
  nullable,
  number,
  type Of,
  object,
  oneOf,
  text,
  time,
} from './schema.ts';
import {
  damageFinding,
  digest,
  error,
  finding,
  heldBack,
  mode,
  pairRole,
  pause,
  problem,
  receipt,
  revision,
  takenUpdate,
} from './shapes.ts';

const pacified = object(
  { since: time(), restarts: count() },
  {},
  'It restarted too often, and takes part in nothing.',
);
export type Pacified = Of<typeof pacified>;

const fellBack = object(
  {
    revision: count('The newest revision here that the partner holds as well.'),
    digest: text(),
    at: text('ISO 8601: when that revision was made. Empty: not known.'),
    from: count('Revision of this store that the partner has seen. 0: a later one, its number is not known.'),
    seen: time('When it was found out.'),
  },
  {},
  'The disk of this unit fell back.',
);

const unit = object(
  {
    id: text(),
    name: text(),
    mode,
    model: text(),
    release: text(),
    schemaDigest: text('Of the kinds of records that it knows.'),
    dir: text('Its directory.'),
    address: text('Where it listens.'),
    port: count(),
    startedAt: time(),
    pacified: nullable(pacified),
    role: pairRole,
    revision,
    digest,
    epoch: count('How often the active role has moved.'),
    records: count('Shared records.'),
    common: text('Digest in the last receipt given or taken. Empty: none yet.'),
    commonRevision: count('The revision that stood here then.'),
  },
  {
    indexed: count('The revision up to which place names are in the index.'),
    unconfirmed,
    fellBack,
  },
);
export type UnitStatus = Of<typeof unit>;

const square = object({
  unit: oneOf(['HA1', 'HA2']),
  colour: oneOf(['green', 'red', 'grey', 'blue', 'updating']),
  active: flag(),
  sentence: text(),
});
export type Square = Of<typeof square>;

const partner = object(
  { name: text(), host: text(), port: count(), fingerprint: text(), seen: flag('It answers.') },
  {
    lastSeenAt: time(),
    role: pairRole,
    epoch: count(),
    digest: text(),
    release: text(),
    model: text(),
    files: object(
      { waiting: count('With edits that wait for somebody.'), unwritten: count('Cannot be written now.') },
      {},
      'Files of its configuration. Left out when there are none.',
    ),
    clockSkewMs: integer('Its clock minus ours, milliseconds.'),
  },
);
export type PartnerStatus = Of<typeof partner>;

const missing = object({
  revisions: count(),
  records: count(),
  latest: list(object({ revision, author: text(), reason: text(), at: time() })),
});

const sync = object(
  {
    state: text('Name of the state of the pair.'),
    sentence: text(),
    since: time(),
    inStep: nullable(flag(), 'null: not known, or there is no pair.'),
    missing: nullable(missing, 'On the active unit: what would be missing if it failed now.'),
    lastUpdate: nullable(
      either([receipt, takenUpdate]),
      'On the active unit the last one sent, on the standby the last one taken.',
    ),
    pause: nullable(pause, 'Of the updates of this unit.'),
    nextUpdateAt: nullable(time()),
    intervalSeconds: number(),
    refusal: nullable(error, 'Why the last update did not go.'),
    heldBack: nullable(heldBack, 'On the active unit: records that wait until both units run one release.'),
  },
  { hint: text() },
);
export type SyncStatus = Of<typeof sync>;

const takeover = object(
  {
    ready: nullable(flag(), 'null: not known yet.'),
    findings: list(finding, 'The first 20 of `count`, those that fail first.'),
    count: count(),
    checkedAt: nullable(time(), 'When records were last looked at; null: the first look is not over.'),
  },
  {},
  'Could this standby serve what it holds?',
);
export type TakeoverReadiness = Of<typeof takeover>;

const damage = object({
  since: time(),
  foundBy: text(
    '`the start`, `the scrub`, `the interval`, `a verification`, `a request`, `a read` or `a commit or an update`.',
  ),
  findings: list(damageFinding, 'The first 100.'),
  more: count(),
});
export type Damage = Of<typeof damage>;

const refusedWrites = object({
  since: time(),
  reason: text(),
  freeBytes: nullable(count(), 'null: the file system does not say.'),
});
export type RefusedWrites = Of<typeof refusedWrites>;

const space = object({
  storeBytes: count('Size of the file of the store.'),
  storeFreeBytes: count('Inside it: used before the file grows.'),
  logBytes: count('Of the log, with what was rotated.'),
  backupBytes: count('Of the bundles in the folder of the unit.'),
  incomingBytes: count('Of bundles that were uploaded.'),
  diskFreeBytes: nullable(count(), 'null: the file system does not say.'),
  diskBytes: nullable(count(), 'Of the whole file system.'),
  fullInDays: nullable(
    number(),
    'Days until the disk is full, as it filled up in the last days; null: not within ten years, or not known yet.',
  ),
});
export type Space = Of<typeof space>;

const historyKept = object({
  oldest: count('The oldest revision that is kept.'),
  revisions: count('How many are kept.'),
  because: oneOf(
    ['least', 'days', 'most', 'partner', 'files'],
    'Why no later one is the oldest: a field of the record `history`, or what needs it.',
  ),
});
export type HistoryKept = Of<typeof historyKept>;

const store = object({
  damage: nullable(damage, 'null: nothing is known to be damaged.'),
  verifiedAt: nullable(time(), 'When a whole verification last found nothing.'),
  verifying: nullable(number(), '0 to 1 while a verification on demand runs.'),
  refused: nullable(refusedWrites, 'The disk takes nothing; null: it does.'),
  space,
  history: historyKept,
});
export type StoreHealth = Pick<Of<typeof store>, 'damage' | 'verifiedAt' | 'verifying'>;

const drillResult = object(
  { name: text('Of the bundle.'), at: time() },
  { reason: text('Why it failed; left out: it passed.') },
);
export type DrillResult = Of<typeof drillResult>;

const backupRun = object(
  { at: time() },
  {
    name: text(),
    to: text('The file, or the address that it was sent to.'),
    bytes: count(),
    code: text('Of the error.'),
    reason: text('Why it failed.'),
  },
);
export type BackupRun = Of<typeof backupRun>;

const backup = object({
  schedule: nullable(
    object({ method: text(), nextRunAt: time(), failures: count('Since the last run that went well.') }),
    'null: none is made by itself.',
  ),
  lastRun: nullable(backupRun, 'What the last scheduled run made, or why it failed; null: there was none.'),
  drill: object({
    last: nullable(drillResult, 'null: there was none.'),
    passed: nullable(drillResult, 'The last one that passed; null: there was none.'),
  }),
});
export type BackupStatus = Of<typeof backup>;

const provisional = object(
  { author: text(), reason: text(), at: text('ISO 8601.'), minutes: number(), secondsLeft: integer() },
  {
    settledBy: nullable(
      text(),
      'On a standby: the active unit, which settles it; null where its name is not known. Left out where this unit does.',
    ),
  },
  'A change that is undone unless it is confirmed.',
);
export type ProvisionalStatus = Of<typeof provisional>;

export const status = named(
  'Status',
  object({
    at: time('By the clock of the unit: the times of this answer are by it.'),
    unit: named('Unit', unit),
    squares: list(named('Square', square), 'Empty for a single unit.'),
    partner: nullable(named('Partner', partner), 'null: there is none.'),
    sync: named('Sync', sync),
    takeover: nullable(named('TakeoverReadiness', takeover), 'null: this is not a standby.'),
    store: named('Store', store),
    files: list(
      object({ file: text(), path: text(), reason: text(), code: text() }),
      'Files under config/ that could not be committed.',
    ),
    warnings: list(problem),
    provisional: nullable(provisional, 'null: no change waits to be confirmed.'),
    backup: named('BackupStatus', backup),
    branches: list(openBranch, 'Branches that wait to be merged.'),
  }),
);
export type Status = Of<typeof status>;

export const STATUS = {
  status: method(
    'GET /v1/status',
    'read',
    'Role, revision, partner, and whether the pair is in step',
    status,
  ),
  metrics: method('GET /metrics', 'read', 'Figures for Prometheus', text('Prometheus text format.'), {
    written: 'text',
  }),
};
