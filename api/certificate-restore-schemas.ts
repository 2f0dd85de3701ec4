import {
  changeProperties,
  closed,
  count,
  dryRun,
  expected,
  flag,
  list,
  open,
  reason,
  recordPath,
  safety,
  text,
  unserved,
  upload,
} from './schemas.ts';

export const restoreCertificatesRequest = closed(
  {
    upload,
    passphrase: text('Opens the bundle.', { minLength: 1, maxLength: 1024 }),
    select: list(
      text('full, vs or third; or the name or path of a certificate.', { minLength: 1, maxLength: 300 }),
      {
        minItems: 1,
        maxItems: 10_000,
        uniqueItems: true,
      },
    ),
    others: {
      enum: ['newer', 'replace', 'keep'],
      description:
        'Which one stands where the unit has another certificate of the same name: the newer one, that of the bundle, or its own.',
    },
    reason,
    expected,
    dryRun,
    ...safety,
  },
  ['upload', 'passphrase', 'select'],
);

const compared = {
  fingerprint: text('SHA-256 of the certificate.'),
  notBefore: text('ISO 8601.'),
  notAfter: text('ISO 8601.'),
  hasKey: flag('Its private key is there too.'),
};

export const restoreCertificatesAnswer = open({
  ...changeProperties,
  select: list(text('')),
  certificates: list(
    open({
      path: recordPath,
      action: { enum: ['add', 'change', 'same', 'keep', 'undecided'] },
      bundle: open(compared),
      other: {
        ...open({
          ...compared,
          newer: { enum: ['here', 'bundle', 'neither'] },
          because: { type: 'string', description: 'Why that one.' },
        }),
        description: 'Another certificate of the same name, which the unit has.',
      },
    }),
  ),
  staying: {
    ...open({ paths: list(recordPath), count }),
    description: 'Certificates of the unit that the bundle does not hold. The first 100.',
  },
  unserved,
  bundle: { type: 'object', description: 'When and by which unit it was made, its revision and digest.' },
  steps: list(text('What was done because the bundle comes from another release.')),
});
