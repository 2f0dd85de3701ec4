/** Taking bundles in, and restoring what they hold. */
import type { Part } from '../../schema/kind.ts';
import { changeAnswer, changeCounts, changeView } from './changes.ts';
import { method, type RequestOf } from './method.ts';
import { count, extended, flag, list, named, type Of, object, oneOf, text, time } from './schema.ts';
import {
  careful,
  dryRun,
  expected,
  mode,
  passphrase,
  reason,
  recordPath,
  revision,
  upload,
} from './shapes.ts';

const PARTS = ['base', 'vs', 'geo', 'sso', 'certs'] as const satisfies Part[];
const part = oneOf(PARTS);
const as = oneOf(
  ['this-unit', 'the-old-unit'],
  'Whose addresses, host name, HA mode, licence, time and password of bal it shall be. Default: its own.',
);

const bundleOrigin = named(
  'BundleOrigin',
  object({
    createdAt: time(),
    unit: object({ id: text(), name: text(), mode, model: text(), release: text() }),
    revision,
    digest: text(),
  }),
);

export const unserved = named(
  'Unserved',
  object({
    services: list(
      object(
        { path: recordPath, certificate: recordPath },
        { fingerprint: text('SHA-256 of the certificate.') },
      ),
      'Virtual Services that show a certificate whose private key is not here. The first 100.',
    ),
    count: count(),
  }),
);
export type Unserved = Of<typeof unserved>['services'][number];

const restoreAnswer = extended(changeAnswer, {
  changes: list(extended(changeView, { part })),
  parts: list(object({ part, ...changeCounts })),
  as,
  bundle: bundleOrigin,
  kept: object(
    { paths: list(recordPath, 'The first 100.'), count: count() },
    {},
    'Records of which this unit kept its own half.',
  ),
  missingKeys: list(
    object({ path: recordPath }, { fingerprint: text('SHA-256 of the certificate.') }),
    'Certificates whose private key is neither in the bundle nor here.',
  ),
  unserved,
  steps: list(text(), 'What was done because the bundle comes from another release.'),
  notes: list(text()),
});
export type RestoreAnswer = Of<typeof restoreAnswer>;

const compared = object(
  { hasKey: flag('Its private key is there too.') },
  {
    fingerprint: text('SHA-256 of the certificate.'),
    notBefore: text('ISO 8601.'),
    notAfter: text('ISO 8601.'),
  },
);
export type ComparedCertificate = Of<typeof compared>;

const planned = object(
  {
    path: recordPath,
    action: oneOf(
      ['add', 'change', 'same', 'keep', 'undecided'],
      'same: nothing differs; keep: the other one that is here stays; undecided: nobody said which.',
    ),
    bundle: compared,
  },
  {
    other: extended(
      compared,
      { newer: oneOf(['here', 'bundle', 'neither']), because: text('Why that one.') },
      {},
      'Another certificate of the same name, which the unit has.',
    ),
  },
);
export type PlannedCertificate = Of<typeof planned>;

const restoreCertificatesAnswer = extended(changeAnswer, {
  select: list(text()),
  certificates: list(planned, 'What becomes of each selected one, in the order of their paths.'),
  staying: object(
    { paths: list(recordPath), count: count() },
    {},
    'Certificates of the unit that the selection means and the bundle does not hold. The first 100.',
  ),
  unserved,
  bundle: bundleOrigin,
  steps: list(text(), 'What was done because the bundle comes from another release.'),
});
export type RestoreCertificatesAnswer = Of<typeof restoreCertificatesAnswer>;

export const RESTORE = {
  upload: method(
    'POST /v1/restore/upload',
    'operate',
    'Take in an encrypted bundle, as application/octet-stream; kept for half an hour',
    object({ upload, bytes: count() }),
    { upload: true },
  ),
  dropUpload: method(
    'POST /v1/restore/drop',
    'operate',
    'Forget a bundle that was taken in',
    object({ upload }),
    { asks: object({ upload }), example: { upload: '5f0c1c2e' } },
  ),
  restore: method(
    'POST /v1/restore',
    'admin',
    'Make parts of the configuration what a bundle that was taken in says',
    restoreAnswer,
    {
      heavy: true,
      asks: object(
        { upload, passphrase },
        {
          parts: list(part, 'Default: all that the bundle holds.', {
            minItems: 1,
            maxItems: PARTS.length,
            uniqueItems: true,
          }),
          as,
          reason,
          expected,
          dryRun,
        },
      ),
      example: {
        upload: '5f0c1c2e',
        passphrase: 'correct horse battery staple',
        parts: ['vs'],
        dryRun: true,
      },
    },
  ),
  restoreCertificates: method(
    'POST /v1/restore/certificates',
    'admin',
    'Put certificates of a certificate bundle that was taken in here; none is removed',
    restoreCertificatesAnswer,
    {
      heavy: true,
      asks: object(
        {
          upload,
          passphrase,
          select: list(
            text('full, vs or third; or the name or path of a certificate.', {
              minLength: 1,
              maxLength: 300,
            }),
            '',
            { minItems: 1, maxItems: 10_000, uniqueItems: true },
          ),
        },
        {
          others: oneOf(
            ['newer', 'replace', 'keep'],
            'Which one stands where the unit has another certificate of the same name: the newer one, that of the bundle, or its own. Not said: refused with `certificates-differ`.',
          ),
          reason,
          expected,
          dryRun,
          ...careful,
        },
      ),
      example: {
        upload: '5f0c1c2e',
        passphrase: 'correct horse battery staple',
        select: ['shop'],
        others: 'newer',
      },
    },
  ),
};

type Requests = typeof RESTORE;
export type RestoreRequest = RequestOf<Requests['restore']>;
export type RestoreCertificatesRequest = RequestOf<Requests['restoreCertificates']>;
export type Others = NonNullable<RestoreCertificatesRequest['others']>;
