import type { JsonObject } from '../schema/json.ts';

/** JSON Schemas of what crosses the API. Requests are checked against them; answers are only documented by them. */

type Properties = Record<string, JsonObject>;

/** A closed object, `required` naming what must be there. */
export function closed(properties: Properties, required: string[] = []): JsonObject {
  return { type: 'object', properties, required, additionalProperties: false };
}

/** An object of an answer: what is not named may be there as well. */
export function open(properties: Properties): JsonObject {
  return { type: 'object', properties, additionalProperties: true };
}

export function text(description: string, more: JsonObject = {}): JsonObject {
  return { type: 'string', description, ...more };
}

export function flag(description: string): JsonObject {
  return { type: 'boolean', description };
}

export function list(items: JsonObject, more: JsonObject = {}): JsonObject {
  return { type: 'array', items, ...more };
}

const anything: JsonObject = { description: 'Any JSON value.' };

export const startsWith = text('Beginning of the ids that are asked for.', { maxLength: 251 });
export const path = text(
  'Path of a group, record or field, such as virtualServices/tcp:10.20.0.100:443/enable. Empty: everything.',
  {
    maxLength: 4096,
  },
);
export const recordPath = text('Path of one record.', { minLength: 1, maxLength: 4096 });
export const revision: JsonObject = { type: 'integer', minimum: 0, description: 'Number of a revision.' };
export const limit: JsonObject = {
  type: 'integer',
  minimum: 1,
  maximum: 10_000,
  description: 'How many revisions at most, newest first; one answer holds 1,000.',
};
export const before: JsonObject = {
  type: 'integer',
  minimum: 0,
  description: 'Begin with the revision before this one; `before` of an answer goes here.',
};
export const defaults = flag('Fill in the defaults of the schema.');

export const reason = text('Why, in words; kept with the revision.', { maxLength: 1000 });
export const expected: JsonObject = {
  ...revision,
  description: 'Refuse with `conflict` unless this revision still stands.',
};
const minutes: JsonObject = { type: 'number', exclusiveMinimum: 0, maximum: 10_080 };
export const safety: Properties = {
  confirm: {
    ...minutes,
    description: 'Minutes after which the change is undone, on both units, unless it is confirmed.',
  },
  wait: flag('Change it only if the standby says that it would take it, and answer when it has.'),
};
export const dryRun = flag('Check and tell what would change, but change nothing.');

const fieldWay = list(text('Name of a field, or index in a list.'), {
  minItems: 1,
  maxItems: 64,
  description: 'The way from the record to the field.',
});

function operation(op: string, description: string, properties: Properties, required: string[]): JsonObject {
  return {
    ...closed({ op: { const: op }, path: recordPath, ...properties }, ['op', 'path', ...required]),
    description,
  };
}

const change: JsonObject = {
  type: 'object',
  required: ['op'],
  discriminator: { propertyName: 'op' },
  oneOf: [
    operation('put', 'The record is exactly this.', { value: { type: 'object' } }, ['value']),
    operation(
      'set',
      'One field; the record is made when it does not exist.',
      { field: fieldWay, value: anything },
      ['field', 'value'],
    ),
    operation('unset', 'One field goes.', { field: fieldWay }, ['field']),
    operation(
      'remove',
      'The record and everything below it go; a path above records removes all of them.',
      {},
      [],
    ),
  ],
};

export const changeRequest = closed(
  {
    changes: list(change, { minItems: 1, maxItems: 1_000_000 }),
    reason,
    expected,
    dryRun,
    ...safety,
    valueFrom: {
      enum: ['argument', 'input'],
      description: 'Where values came from; a secret that came as an argument is refused.',
    },
  },
  ['changes'],
);

export const applyRequest = closed(
  {
    document: { ...anything, description: 'Nested document, as GET /v1/config gives it.' },
    path: { ...path, description: 'Where the document stands. Default: the root.' },
    replace: flag('Each collection or record that the document names becomes exactly what it says.'),
    reason,
    expected,
    dryRun,
    ...safety,
  },
  ['document'],
);

const capture = closed(
  { name: text('Name of the file, for messages.', { maxLength: 4096 }), text: text('What is in it.') },
  ['name', 'text'],
);
export const importRequest = closed(
  { files: list(capture, { minItems: 1, maxItems: 1000 }), reason, dryRun, ...safety },
  ['files'],
);
export const rollbackRequest = closed({ revision, reason, dryRun, ...safety }, ['revision']);
export const upload = text('What POST /v1/restore/upload answered.', { minLength: 1, maxLength: 64 });
const partNames: JsonObject = { enum: ['base', 'vs', 'geo', 'sso', 'certs'] };
export const dropUploadRequest = closed({ upload }, ['upload']);
export const restoreRequest = closed(
  {
    upload,
    passphrase: text('Opens the bundle.', { minLength: 1, maxLength: 1024 }),
    parts: list(partNames, {
      minItems: 1,
      uniqueItems: true,
      description: 'Default: all parts that the bundle holds.',
    }),
    as: {
      enum: ['this-unit', 'the-old-unit'],
      description:
        'Whose addresses, host name, HA mode, licence, time and password of bal it shall be. Default: this-unit.',
    },
    reason,
    expected,
    dryRun,
  },
  ['upload', 'passphrase'],
);
export const sendBackupRequest = closed(
  {
    name: text('Name of the bundle in the folder of the unit.', { minLength: 1, maxLength: 255 }),
    host: text('Host, or host:port.', { minLength: 1, maxLength: 260 }),
    user: text('User there.', { minLength: 1, maxLength: 255 }),
    path: text('Folder there.', { minLength: 1, maxLength: 1024 }),
    key: text('Private key to log in with. Default: that of the backup schedule.', { maxLength: 16_384 }),
    hostKey: text('Ed25519 key that the host must show. Default: that of the backup schedule.', {
      pattern: '^ssh-ed25519 [A-Za-z0-9+/]+=*$',
      maxLength: 4096,
    }),
  },
  ['name', 'host', 'user', 'path'],
);
export const sentBackup = open({ to: text('What it is called there.') });
export const drillRequest = closed(
  {
    upload,
    name: text('What the bundle is called, for log and status.', { minLength: 1, maxLength: 255 }),
    passphrase: text('Opens the bundle.', { minLength: 1, maxLength: 1024 }),
  },
  ['upload', 'name', 'passphrase'],
);
export const pruneRequest = closed({
  dryRun,
  only: list(text('Name of a bundle.', { minLength: 1, maxLength: 255 }), {
    maxItems: 100_000,
    description: 'Remove none but these.',
  }),
});
export const confirmRequest = closed({ undo: flag('Take the change back now.') });
const places = list(text('A field, a record, a collection; empty: everything.', { maxLength: 4096 }), {
  maxItems: 10_000,
});
export const mergeRequest = closed(
  {
    branch: text('Name of the branch.', { minLength: 1, maxLength: 64 }),
    ours: { ...places, description: 'Conflicts that are decided for what stands here.' },
    theirs: { ...places, description: 'Conflicts that are decided for the branch.' },
    none: flag('Take nothing of the branch, and close it; what it holds and the pair lacks is given up.'),
    reason,
    dryRun,
    ...safety,
  },
  ['branch'],
);
export const takeoverRequest = closed({
  force: flag('Take over although changes that only the partner holds would be left behind.'),
});
const replaces = text(
  'Fingerprint of the partner that makes way; refused with `conflict` when it is not the partner.',
  {
    pattern: '^SHA256:[A-Za-z0-9+/]{43}$',
  },
);
export const inviteRequest = closed({ replaces });
export const pauseRequest = closed(
  {
    reason: text('Why, in words; shown to everybody who asks for the status.', {
      minLength: 1,
      maxLength: 1000,
    }),
    seconds: {
      type: 'integer',
      minimum: 1,
      maximum: 30 * 86_400,
      description: 'When the pause ends by itself. Default: when somebody resumes.',
    },
  },
  ['reason'],
);
export const joinRequest = closed(
  {
    host: text('Name or address of the unit that made the code.', { minLength: 1, maxLength: 253 }),
    port: { type: 'integer', minimum: 1, maximum: 65535, description: 'TCP port. Default: 6973.' },
    code: text(
      'The code that `lockstep pair --invite` printed. Without: the partner of this unit is there now.',
      {
        minLength: 1,
        maxLength: 1024,
      },
    ),
    replaces,
  },
  ['host'],
);
export const restoreFileRequest = closed(
  { file: text('File under config/.', { minLength: 1, maxLength: 4096 }) },
  ['file'],
);
export const adoptFileRequest = closed(
  { file: text('File under config/ that status names.', { minLength: 1, maxLength: 4096 }), reason },
  ['file'],
);
export const nothing = closed({});

const recordValue: JsonObject = { type: 'object', description: 'Secrets are masked.' };
const changeView = open({
  path: recordPath,
  change: { enum: ['added', 'changed', 'removed'] },
  before: recordValue,
  after: recordValue,
});
export const count: JsonObject = { type: 'integer', minimum: 0 };
export const changeProperties: Properties = {
  revision: { ...revision, description: 'The revision that stands now.' },
  digest: text('Digest of the shared configuration.'),
  dryRun: { type: 'boolean' },
  counts: open({ added: count, changed: count, removed: count }),
  changes: list(changeView, { description: 'The first 1,000.' }),
  warnings: list(open({ code: text(''), path: text(''), message: text(''), hint: text('') }), {
    description: 'What the rules warn of in what was changed. Left out when there is nothing.',
  }),
  ms: { type: 'number', description: 'Until it was durable. Left out when nothing was written.' },
  provisional: open({ minutes, until: text('ISO 8601: when it is undone unless it is confirmed.') }),
  standby: { type: 'object', description: 'What became of it on the standby: a receipt, or an error.' },
  pairNotes: list(text(''), { description: 'What it does to the pair, beside what it changes.' }),
};

export const changeAnswer = open(changeProperties);
export const confirmAnswer = open({
  change: open({ author: text(''), reason: text(''), at: text('ISO 8601.') }),
  undone: { ...changeAnswer, description: 'Present when it was undone.' },
  partnerKnows: flag('False: if the partner took over now, it would undo the change.'),
});
export const importAnswer = open({
  ...changeProperties,
  leftOut: list(
    open({ source: text('File and place.'), parameter: text(''), value: text(''), reason: text('') }),
  ),
});
export const uploadAnswer = open({ upload, bytes: count });
export const droppedUpload = open({ upload });
export const unserved = open({
  services: list(
    open({
      path: recordPath,
      certificate: recordPath,
      fingerprint: text('SHA-256 of the certificate.'),
    }),
    { description: 'Virtual Services that show a certificate whose private key is not here. The first 100.' },
  ),
  count,
});
export const restoreAnswer = open({
  ...changeProperties,
  parts: list(open({ part: partNames, added: count, changed: count, removed: count })),
  as: { enum: ['this-unit', 'the-old-unit'] },
  bundle: { type: 'object', description: 'When and by which unit it was made, its revision and digest.' },
  kept: open({ paths: list(recordPath, { description: 'The first 100.' }), count }),
  missingKeys: list(open({ path: recordPath, fingerprint: text('SHA-256 of the certificate.') })),
  unserved,
  steps: list(text('What was done because the bundle comes from another release.')),
  notes: list(text('')),
});
export const drillAnswer = open({
  name: text(''),
  sha256: text('Of the file.'),
  records: count,
  digest: text('Of the scratch unit.'),
  seconds: { type: 'number' },
});
export const shelvedBundles = open({
  bundles: list(
    open({
      name: text(''),
      kind: { enum: ['configuration', 'certificates'] },
      bytes: count,
      at: text('ISO 8601.'),
      proved: flag('A drill of this file has passed.'),
    }),
    { description: 'Newest first.' },
  ),
});
export const pruneAnswer = open({
  bundles: list(open({ name: text(''), keep: { type: 'boolean' }, reasons: list(text('')) })),
  removed: list(text('')),
  dryRun: { type: 'boolean' },
});
export const showAnswer = open({ path, revision, value: anything });
export const description = open({
  path,
  type: { enum: ['group', 'record', 'field'] },
  kind: text('Kind of the record.'),
  record: text('For a field: the path of its record.'),
  field: list(text('')),
  schema: { type: 'object', description: 'JSON Schema of the record or field.' },
  secret: { type: 'boolean' },
  next: list(text(''), { description: 'Whole paths that could come next, at most 200.' }),
});
const header = open({
  revision,
  at: text('ISO 8601.'),
  kind: text('Why it came to be.'),
  author: text(''),
  reason: text(''),
  parent: text('Digest before.'),
  digest: text('Digest after.'),
  epoch: count,
  records: count,
});
export const historyAnswer = open({
  revisions: list(header),
  more: flag('There are older ones that fit the question.'),
  before: {
    type: ['integer', 'null'],
    description: 'Ask for them with `before` as this says; null: these were all.',
  },
  oldest: { ...count, description: 'The oldest revision that is kept.' },
});
export const diffAnswer = open({ from: revision, to: revision, changes: list(changeView) });
const branch: Properties = {
  name: text(''),
  unit: text('Name of the unit on which it was changed.'),
  at: text('ISO 8601: when that unit was made equal to its partner.'),
  records: count,
};
export const branchesAnswer = open({
  branches: list(
    open({
      ...branch,
      base: text('Digest from which both sides went their ways.'),
      digest: text('Digest that the branch ended with.'),
      revisions: list(header, { description: 'Newest first, at most 100.' }),
      merged: open({ revision, at: text('ISO 8601.'), author: text('') }),
    }),
  ),
});
export const mergeAnswer = open({
  ...changeProperties,
  branch: text(''),
  conflicts: list(
    open({ path: recordPath, field: text(''), base: anything, ours: anything, theirs: anything }),
    { description: 'Of a dry run; otherwise they are refused with merge-conflict. The first 1,000.' },
  ),
});
export const receipt = open({
  result: { enum: ['applied', 'already-applied'] },
  kind: { enum: ['periodic', 'forced'] },
  revision,
  digest: text(''),
  records: count,
  bytes: count,
  ms: { type: 'number', description: 'Milliseconds from the request to the receipt.' },
  at: text('ISO 8601.'),
  heldBack: open({ records: count, paths: list(text('')) }),
});
export const takeoverAnswer = open({
  role: { enum: ['active', 'standby'] },
  epoch: count,
  partnerSteppedDown: { type: 'boolean' },
  leftBehind: open({
    partner: text('It was not seen, and last said that it held changes which this unit lacks.'),
    heardAt: text('ISO 8601: when it said so.'),
  }),
});
export const pause = open({
  by: text(''),
  reason: text(''),
  since: text('ISO 8601.'),
  until: { description: 'ISO 8601; null: until somebody resumes.' },
});
export const resumeAnswer = open({
  lifted: list({ enum: ['pacified', 'pause'] }, { description: 'Empty: nothing was paused.' }),
});
export const confirmSourceAnswer = open({
  confirmed: { description: 'Who restored what, when and why; null: there was nothing to confirm.' },
});
export const invitation = open({
  code: text(''),
  fingerprint: text(''),
  expiresAt: text('ISO 8601.'),
  host: text(''),
  port: count,
});
export const pairedAnswer = open({
  partner: open({ name: text(''), host: text(''), port: count, fingerprint: text('') }),
  replaced: open({ name: text(''), fingerprint: text('') }),
  replacedThere: open({ old: text('Fingerprint.'), new: text('Fingerprint.') }),
  moved: {
    ...open({
      from: open({ host: text(''), port: count }),
      record: text('The field that says so from now on.'),
    }),
    description: 'It was the partner before, and is somewhere else now.',
  },
});
export const unpairedAnswer = open({ partner: open({ name: text(''), fingerprint: text('') }) });
export const restarting = open({ startedAt: text('ISO 8601: the start that ends now.') });
export const restoredFile = open({ file: text('The file that was written.') });
export const adoptedFile = open({ file: text('The file that was taken.'), revision: count });
export const status = open({
  at: text('ISO 8601, by the clock of the unit: the times of this answer are by it.'),
  unit: open({
    id: text(''),
    name: text(''),
    mode: { enum: ['single', 'first', 'second'] },
    role: { enum: ['active', 'standby'] },
    revision,
    epoch: count,
  }),
  squares: list(
    open({
      unit: { enum: ['HA1', 'HA2'] },
      colour: text(''),
      active: { type: 'boolean' },
      sentence: text(''),
    }),
  ),
  partner: { description: 'null: there is none.' },
  sync: open({
    state: text(''),
    sentence: text(''),
    inStep: { description: 'true, false, or null when it is not known.' },
  }),
  takeover: {
    description:
      'On a standby: whether it could take over, what would fail, and when that was looked at. null: not a standby.',
  },
  store: open({
    damage: { description: 'null: nothing is known to be damaged.' },
    verifiedAt: { description: 'When a whole verification last found nothing, or null.' },
    verifying: { description: '0 to 1 while a verification on demand runs, or null.' },
    refused: {
      description: 'Since when, why, and with how many bytes left the disk takes nothing; null: it does.',
    },
    space: open({
      storeBytes: { ...count, description: 'Size of the file of the store.' },
      storeFreeBytes: { ...count, description: 'Inside it: used before the file grows.' },
      logBytes: { ...count, description: 'Of the log, with what was rotated.' },
      backupBytes: { ...count, description: 'Of the bundles in the folder of the unit.' },
      incomingBytes: { ...count, description: 'Of bundles that were uploaded.' },
      diskFreeBytes: { description: 'null: the file system does not say.' },
      diskBytes: { description: 'Of the whole file system, or null.' },
      fullInDays: {
        description:
          'Days until the disk is full, as it filled up in the last days; null: not within ten years, or not known yet.',
      },
    }),
    history: open({
      oldest: { ...count, description: 'The oldest revision that is kept.' },
      revisions: { ...count, description: 'How many are kept.' },
      because: text('A field of the record history, or what needs the oldest one: partner, files.'),
    }),
  }),
  files: list(open({ file: text(''), path: text(''), reason: text(''), code: text('') })),
  warnings: list(open({ code: text(''), path: text(''), message: text('') })),
  provisional: { description: 'A change that is undone unless it is confirmed. null: there is none.' },
  backup: open({
    schedule: { description: 'Method, next run, and failures since the last good one; null: there is none.' },
    lastRun: { description: 'What the last scheduled run made, or why it failed; null: there was none.' },
    drill: open({
      last: { description: 'The last drill of a backup; null: there was none.' },
      passed: { description: 'The last one that passed; null: there was none.' },
    }),
  }),
  branches: list(open(branch), { description: 'Branches that wait to be merged.' }),
});
export const verifyAnswer = open({
  damaged: { type: 'boolean' },
  findings: list(open({ path: text(''), reason: text('') }), { description: 'The first 100.' }),
  more: count,
  seconds: { type: 'number' },
});
export const rebuildRequest = closed({
  force: { type: 'boolean', description: 'Although the partner is not seen.' },
});
export const rebuildAnswer = open({
  aside: text('Where the old store is, below the directory of the unit.'),
  mode: { enum: ['first', 'second'] },
  kept: list(text('')),
  unreadable: list(text('')),
});
export const backupRequest = closed(
  {
    passphrase: text('What the bundle is encrypted with: 12 characters or 4 words at least.', {
      minLength: 1,
      maxLength: 1024,
    }),
    profile: { enum: ['classic', 'rfc9580'], description: 'rfc9580: Argon2id and AES-GCM.' },
    withKeys: flag('With the private keys of certificates.'),
    kind: {
      enum: ['configuration', 'certificates'],
      description: 'certificates: these alone, with their private keys. Default: configuration.',
    },
    applianceRules: flag('The passphrase has 7 to 64 letters and digits, as the appliance wants it.'),
  },
  ['passphrase'],
);
export const bundle = text('The bytes of the bundle.', { contentMediaType: 'application/octet-stream' });
export const metrics = text('Prometheus text format.');
export const error = open({
  code: text('Stable: scripts may rely on it.'),
  class: { enum: ['usage', 'forbidden', 'refused', 'missing', 'unreachable', 'damaged'] },
  message: text('A sentence.'),
  hint: text('What to do next.'),
  facts: { type: 'object' },
});
