import type { JsonObject } from '../schema/json.ts';
import {
  changeProperties,
  closed,
  count,
  dryRun,
  flag,
  list,
  open,
  reason,
  recordPath,
  safety,
  text,
} from './schemas.ts';

export const certificateName = text('Name of the certificate; not for kind web, of which there is one.', {
  minLength: 1,
  maxLength: 4096,
});
export const certificateKind: JsonObject = {
  enum: ['certificate', 'intermediate', 'web'],
  description:
    'certificate: of Virtual Services, with a key. intermediate: leads to a root. web: of the web interface of this unit alone.',
};
const choice = { name: certificateName, kind: certificateKind };

const file = closed(
  {
    name: text('Name of the file, for messages.', { maxLength: 4096 }),
    bytes: text('What is in it, as base64.', { pattern: '^[A-Za-z0-9+/]*={0,2}$', maxLength: 4_000_000 }),
  },
  ['name', 'bytes'],
);
export const addCertificateRequest = closed(
  {
    ...choice,
    files: list(file, { minItems: 1, maxItems: 32 }),
    passphrase: text('Opens an encrypted key or a PFX file.', { maxLength: 4096 }),
    replace: flag('There is one of this name already, and this one takes its place.'),
    allowWeak: flag('Weak keys and hashes are told, but not refused.'),
    reason,
    dryRun,
    ...safety,
  },
  ['files'],
);
export const removeCertificateRequest = closed({ ...choice, reason, dryRun, ...safety });
export const exportCertificateRequest = closed({
  ...choice,
  withKey: flag('With the private key: no other answer ever holds it.'),
});

const facts = {
  name: text(''),
  kind: certificateKind,
  path: recordPath,
  unreadable: text('Why nothing else is known of it.'),
  subject: text(''),
  issuer: text(''),
  names: list(text(''), { description: 'Host names and addresses that it is for.' }),
  notBefore: text('ISO 8601.'),
  notAfter: text('ISO 8601.'),
  daysLeft: { type: 'integer', description: 'Whole days until it expires; negative once it has.' },
  keyType: text('RSA 2048, EC P-256, Ed25519.'),
  hasKey: flag('Its private key is here.'),
  selfMade: flag('The unit made it itself.'),
  fingerprint: text('SHA-256 of the certificate.'),
  usedBy: list(recordPath, { description: 'Records that refer to it: the first 20.' }),
  users: { ...count, description: 'How many do, counted up to 1,000.' },
} satisfies Record<string, JsonObject>;
const problem = { code: text(''), path: recordPath, message: text(''), hint: text('') };

export const certificatesAnswer = open({ certificates: list(open(facts)) });
export const certificateAnswer = open({
  ...facts,
  chain: list(open({ subject: text(''), issuer: text(''), notAfter: text(''), fingerprint: text('') }), {
    description: 'Certificates that follow the first one.',
  }),
  findings: list(open({ ...problem, fails: flag('Who shows it does not serve.') })),
});
export const addCertificateAnswer = open({
  ...changeProperties,
  certificate: open(facts),
  warnings: list(open(problem)),
});
export const removedCertificate = open(changeProperties);
export const exportedCertificate = open({
  name: text(''),
  pem: text('Certificate, chain and, where asked for, key.'),
});
