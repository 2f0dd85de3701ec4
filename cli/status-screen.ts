import type { Receipt, TakenUpdate } from '../api/contract/shapes.ts';
import type { Damage, PartnerStatus, Square, Status, SyncStatus } from '../api/contract/status.ts';
import { isEveryAddress } from '../schema/address.ts';
import { printable } from '../schema/printable.ts';
import { formatProblems } from './error-text.ts';
import { formatHost } from './host-argument.ts';
import type { Paint, Style } from './paint.ts';
import { byteCount, listLines, plural } from './quantity.ts';
import { ago, span, until } from './time.ts';

const MAX_FILES = 10;
const LABEL_WIDTH = 10;

/** Everything that an operator asks of a pair, on one screen: docs/DOMAIN.md, Status squares. */
export function formatStatus(status: Status, now: Date, paint: Paint): string {
  const sections = [
    status.squares.map(square => formatSquare(square, paint)),
    [
      ...unitLines(status, now),
      ...(status.partner === null ? [] : partnerLines(status.partner, now)),
      ...syncLines(status.sync, paint),
      ...pauseLines(status.sync, now, paint),
      ...unconfirmedLines(status, now, paint),
      ...updateLines(status.sync, now),
      ...takeoverLines(status, now, paint),
      ...backupLines(status.backup, now, paint),
    ],
    damageLines(status.store.damage, now, paint),
    provisionalLines(status.provisional, paint),
    findingLines(status, paint),
    missingLines(status.sync, now, paint),
    branchLines(status.branches, now, paint),
    fileLines(status.files, paint),
    status.warnings.length === 0
      ? []
      : [
          paint('yellow', `${plural(status.warnings.length, 'warning')}:`),
          ...formatProblems(status.warnings, paint),
        ],
  ];
  return sections
    .filter(lines => lines.length > 0)
    .map(lines => lines.join('\n'))
    .join('\n\n');
}

/** The sign inside a square stands for its colour where there are no colours. */
const SQUARES: Record<Square['colour'], { sign: string; style: Style }> = {
  green: { sign: ' ', style: ['black', 'bgGreen'] },
  red: { sign: '!', style: ['white', 'bgRed'] },
  blue: { sign: '#', style: ['white', 'bgBlue'] },
  grey: { sign: '-', style: ['white', 'bgBlackBright'] },
  updating: { sign: '?', style: ['black', 'bgYellow'] },
};

export function formatSquare({ unit, colour, active, sentence }: Square, paint: Paint): string {
  const { sign, style } = SQUARES[colour];
  const square = paint(style, `[${active ? 'A' : sign}]`);
  return `${square} ${unit} ${colour.padEnd(8)} ${printable(sentence)}`;
}

function unitLines({ unit }: Status, now: Date): string[] {
  const mode = unit.mode === 'single' ? 'by itself' : `HA ${unit.mode} mode`;
  return [
    line(
      'unit',
      `${unit.name}, ${mode}, ${unit.role}, ${ownAddress(unit)}, running for ${span(now.getTime() - Date.parse(unit.startedAt))}`,
    ),
    line(
      'revision',
      `${unit.revision}, epoch ${unit.epoch}, ${plural(unit.records, 'shared record')}, digest ${shortDigest(unit.digest)}`,
    ),
  ];
}

/** Nothing for a unit that makes no bundles and never drilled one. */
function backupLines({ schedule, lastRun, drill }: Status['backup'], now: Date, paint: Paint): string[] {
  const { last, passed } = drill;
  const made =
    lastRun === null
      ? 'none made yet'
      : lastRun.reason === undefined
        ? `last made ${ago(lastRun.at, now)}: ${printable(lastRun.to ?? '')}`
        : paint('red', `failed ${ago(lastRun.at, now)}: ${printable(lastRun.reason)}`);
  const proved =
    passed === null ? 'never passed' : `passed ${ago(passed.at, now)}: ${printable(passed.name)}`;
  const failed = last?.reason === undefined ? '' : paint('red', `; failed ${ago(last.at, now)}`);
  return [
    ...(schedule === null && lastRun === null
      ? []
      : [
          line(
            'backup',
            schedule === null
              ? `switched off; ${made}`
              : `${schedule.method}, next ${until(schedule.nextRunAt, now)}; ${made}`,
          ),
        ]),
    ...(schedule === null && last === null ? [] : [line('drill', `${proved}${failed}`)]),
  ];
}

function ownAddress({ address, port }: Status['unit']): string {
  return isEveryAddress(address) ? `every address, port ${port}` : formatHost(address, port);
}

function partnerLines(partner: PartnerStatus, now: Date): string[] {
  const { name, host, port, seen, lastSeenAt, role, epoch, digest } = partner;
  const last = lastSeenAt === undefined ? 'never seen' : `last seen ${ago(lastSeenAt, now)}`;
  const facts = [
    role,
    epoch === undefined ? undefined : `epoch ${epoch}`,
    digest === undefined ? undefined : `digest ${shortDigest(digest)}`,
  ].filter(fact => fact !== undefined);
  return [
    line(
      'partner',
      [`${name} at ${formatHost(host, port)}`, seen ? 'seen' : `not seen (${last})`, ...facts].join(', '),
    ),
  ];
}

function syncLines({ state, sentence, hint, inStep }: SyncStatus, paint: Paint): string[] {
  const style: Style = inStep === true ? 'green' : inStep === false ? 'red' : 'yellow';
  return [
    line('sync', `${paint(style, printable(state))}: ${printable(sentence)}`),
    ...(hint === undefined ? [] : [line('', paint('cyan', 'hint: ') + printable(hint))]),
  ];
}

function pauseLines({ pause, hint }: SyncStatus, now: Date, paint: Paint): string[] {
  if (pause === null) return [];
  const { by, reason, since } = pause;
  const end = pause.until === null ? 'until somebody resumes' : `ends ${until(pause.until, now)}`;
  return [
    line('paused', paint('yellow', `by ${printable(by)} ${ago(since, now)}, ${end}: ${printable(reason)}`)),
    ...ownHint(hint, 'lockstep resume lets updates go out again', paint),
  ];
}

function unconfirmedLines(
  { unit: { unconfirmed }, sync: { hint } }: Status,
  now: Date,
  paint: Paint,
): string[] {
  if (unconfirmed === undefined) return [];
  const { by, why, since } = unconfirmed;
  return [
    line(
      'restored',
      paint('yellow', `${ago(since, now)} by ${printable(by)}, not confirmed: ${printable(why)}`),
    ),
    ...ownHint(hint, 'this unit is no source; look at it, then type lockstep confirm-source', paint),
  ];
}

/** One hint at a time: where the state has one, it says the same. */
function ownHint(ofState: string | undefined, hint: string, paint: Paint): string[] {
  return ofState === undefined ? [line('', paint('cyan', 'hint: ') + hint)] : [];
}

function updateLines({ lastUpdate, nextUpdateAt, intervalSeconds }: SyncStatus, now: Date): string[] {
  if (lastUpdate === null && nextUpdateAt === null) return [];
  const last = lastUpdate === null ? 'none yet' : `${ago(lastUpdate.at, now)} (${updateText(lastUpdate)})`;
  const next =
    nextUpdateAt === null
      ? []
      : [line('', `next ${until(nextUpdateAt, now)}, every ${span(intervalSeconds * 1000)}`)];
  return [line('update', `last ${last}`), ...next];
}

function updateText(update: Receipt | TakenUpdate): string {
  const what = `${update.kind}: revision ${update.revision}, ${plural(update.records, 'record')}`;
  return update.kind === 'taken' ? what : `${what}, ${byteCount(update.bytes)}, ${span(update.ms)}`;
}

function takeoverLines({ takeover }: Status, now: Date, paint: Paint): string[] {
  if (takeover === null) return [];
  const { ready, checkedAt } = takeover;
  const word =
    ready === null
      ? paint('yellow', 'being looked at')
      : ready
        ? paint('green', 'ready')
        : paint('red', 'not ready');
  return [line('takeover', checkedAt === null ? word : `${word}, records looked at ${ago(checkedAt, now)}`)];
}

function findingLines({ takeover }: Status, paint: Paint): string[] {
  if (takeover === null || takeover.count === 0) return [];
  const { findings, count, ready } = takeover;
  const title =
    ready === false
      ? paint('red', 'If this unit took over now, this would fail or needs a look:')
      : paint('yellow', 'This unit could take over, but look at:');
  return [title, ...formatProblems(findings, paint, count)];
}

function missingLines({ missing }: SyncStatus, now: Date, paint: Paint): string[] {
  if (missing === null || missing.revisions + missing.records === 0) return [];
  const { revisions, records, latest } = missing;
  const title = `If the active failed now, these changes would be missing (${plural(revisions, 'revision')}, ${plural(records, 'record')}):`;
  const each = latest.map(
    ({ revision, author, reason, at }) =>
      `  ${revision}  ${printable(author)}, ${ago(at, now)}${reason === '' ? '' : `: ${printable(reason)}`}`,
  );
  const more = revisions - latest.length;
  return [paint('red', title), ...each, ...(more > 0 && latest.length > 0 ? [`  and ${more} more`] : [])];
}

function provisionalLines(provisional: Status['provisional'], paint: Paint): string[] {
  if (provisional === null) return [];
  const { author, reason, secondsLeft, settledBy } = provisional;
  const where =
    settledBy === undefined
      ? ''
      : ` on ${settledBy === null ? 'the active unit' : `${printable(settledBy)}, the active unit,`}`;
  return [
    paint('yellow', `A change waits to be confirmed; it is undone in ${span(secondsLeft * 1000)}:`),
    `  ${printable(author)}: ${printable(reason)}`,
    `${paint('cyan', 'hint:')} lockstep confirm${where} keeps it, lockstep confirm --undo${where === '' ? '' : ' there'} takes it back`,
  ];
}

function branchLines(branches: Status['branches'], now: Date, paint: Paint): string[] {
  if (branches.length === 0) return [];
  const title = `${plural(branches.length, 'branch', 'branches')} to be merged, changed while the pair was divided:`;
  const each = branches.map(
    ({ name, unit, at, records }) =>
      `  ${name}  ${plural(records, 'record')} on ${printable(unit)}, kept ${ago(at, now)}`,
  );
  return [
    paint('yellow', title),
    ...each,
    `${paint('cyan', 'hint:')} lockstep merge ${branches[0]?.name} --dry-run`,
  ];
}

function damageLines(damage: Damage | null, now: Date, paint: Paint): string[] {
  if (damage === null) return [];
  const { since, foundBy, findings, more } = damage;
  const title = `Damaged in the store, found ${ago(since, now)} by ${foundBy} (${plural(findings.length + more, 'finding')}):`;
  const shown = listLines(findings, ({ path, reason }) => `  ${printable(path)} ${printable(reason)}`, {
    most: MAX_FILES,
    count: findings.length + more,
  });
  return [paint('red', title), ...shown];
}

function fileLines(files: Status['files'], paint: Paint): string[] {
  if (files.length === 0) return [];
  const title = `${plural(files.length, 'file')} under config/ that the unit did not take or could not write:`;
  return [
    paint('yellow', title),
    ...listLines(
      files,
      ({ file, reason }) => `  ${printable(reason.startsWith(file) ? reason : `${file}: ${reason}`)}`,
      { most: MAX_FILES },
    ),
    `${paint('cyan', 'hint:')} mend the file and save it, take it with lockstep mirror adopt FILE, or give it up with lockstep mirror restore FILE`,
  ];
}

function line(label: string, text: string): string {
  return `${label.padEnd(LABEL_WIDTH)}${text}`;
}

function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
