import type {
  ComparedCertificate,
  PlannedCertificate,
  RestoreCertificatesAnswer,
} from '../../api/contract/restore.ts';
import { printable } from '../../schema/printable.ts';
import { afterwards, warningLines } from '../changes.ts';
import type { Paint } from '../paint.ts';
import { listLines, listWords, plural } from '../quantity.ts';
import { localTime } from '../time.ts';
import { unservedLines } from '../unserved-text.ts';

const MAX_LISTED = 50;
const MAX_NAMED = 10;

/** What a certificate restore would do, or did: each certificate, which of two is newer, what stays, what is missing. */
export function formatCertificateRestore(answer: RestoreCertificatesAnswer, paint: Paint): string {
  const { bundle, certificates, dryRun, changes, revision } = answer;
  const told = certificates.filter(({ action }) => action !== 'same');
  const same = certificates.length - told.length;
  const undecided = certificates.filter(({ action }) => action === 'undecided').length;
  return [
    `Certificate bundle of ${printable(bundle.unit.name)}, made ${localTime(bundle.createdAt)}, revision ${bundle.revision}.`,
    ...answer.steps.map(printable),
    ...listLines(told, certificate => certificateLines(certificate, paint), { most: MAX_LISTED }),
    ...(same > 0 ? [`${plural(same, 'certificate')} here already.`] : []),
    ...stayingLines(answer),
    ...unservedLines(answer.unserved, paint),
    ...warningLines(answer, paint),
    ...afterwards(answer, paint),
    ...(undecided > 0
      ? [
          paint(
            'yellow',
            'Others of the same name are here: --newer takes the newer ones, --replace those of the bundle, --keep leaves them.',
          ),
        ]
      : []),
    dryRun
      ? changes.length === 0 && undecided === 0
        ? `Nothing differs: revision ${revision} stands.`
        : 'Nothing was changed yet.'
      : `Restored as revision ${revision}; lockstep rollback ${revision - 1} undoes it.`,
  ].join('\n');
}

const WORDS = { add: 'add', change: 'change', same: 'same', keep: 'keep', undecided: 'which?' } as const;

function certificateLines({ path, action, bundle, other }: PlannedCertificate, paint: Paint): string[] {
  const word = WORDS[action].padEnd(6);
  const head = `  ${action === 'undecided' ? paint('yellow', word) : word} ${printable(path)}`;
  const takesKey = path.startsWith('certificates/');
  if (other === undefined) return [`${head}  ${described(bundle, takesKey)}`];
  const newer = (side: 'here' | 'bundle'): string =>
    other.newer === side ? `  (newer: ${other.because})` : '';
  return [
    head,
    `           bundle ${described(bundle, takesKey)}${newer('bundle')}`,
    `           here   ${described(other, takesKey)}${newer('here')}`,
  ];
}

function described(
  { fingerprint, notBefore, notAfter, hasKey }: ComparedCertificate,
  takesKey: boolean,
): string {
  if (fingerprint === undefined) return 'cannot be read';
  return `${day(notBefore)} to ${day(notAfter)}  ${fingerprint}${hasKey || !takesKey ? '' : '  (no key)'}`;
}

function day(iso = ''): string {
  return iso.slice(0, 10);
}

function stayingLines({ staying: { paths, count } }: RestoreCertificatesAnswer): string[] {
  if (count === 0) return [];
  const names = listWords(paths.map(printable), MAX_NAMED, count);
  return [`Not in the bundle, so as they are: ${names}. A restore of certificates removes none.`];
}
