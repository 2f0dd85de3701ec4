/** Certificates and their keys. Private keys come in; out they go through an export alone. */
import { changeAnswer } from './changes.ts';
import { method, type RequestOf } from './method.ts';
import { count, extended, flag, integer, list, named, type Of, object, oneOf, text } from './schema.ts';
import { careful, dryRun, finding, next, page, problem, reason, recordPath } from './shapes.ts';

const kind = oneOf(
  ['certificate', 'intermediate', 'web'],
  'certificate: of Virtual Services, with a key. intermediate: leads to a root. web: of the web interface of this unit alone.',
);
export type CertificateKind = Of<typeof kind>;

const choice = {
  name: text('Name of the certificate; not for kind web, of which there is one.', {
    minLength: 1,
    maxLength: 4096,
  }),
  kind,
};
const one = object({}, choice);
/** One certificate; without `kind` the one of Virtual Services, or else the intermediate one. */
export type CertificateChoice = Of<typeof one>;

const file = object({
  name: text('Name of the file, for messages.', { maxLength: 4096 }),
  bytes: text('What is in it, as base64.', { pattern: '^[A-Za-z0-9+/]*={0,2}$', maxLength: 4_000_000 }),
});

const facts = named(
  'Certificate',
  object(
    {
      name: text(),
      kind,
      path: recordPath,
      subject: text(),
      issuer: text(),
      names: list(text(), 'Host names and addresses that it is for.'),
      notBefore: text('ISO 8601.'),
      notAfter: text('ISO 8601.'),
      daysLeft: integer('Whole days until it expires; negative once it has.'),
      keyType: text('RSA 2048, EC P-256, Ed25519.'),
      hasKey: flag('Its private key is here.'),
      selfMade: flag('The unit made it itself.'),
      fingerprint: text('SHA-256 of the certificate, AB:CD:….'),
      usedBy: list(recordPath, 'Records that refer to it: the first 20.'),
      users: count('How many do, counted up to 1,000.'),
    },
    { unreadable: text('Why nothing else is known of it.') },
  ),
);
export type CertificateFacts = Of<typeof facts>;

const details = extended(facts, {
  chain: list(
    object({ subject: text(), issuer: text(), notAfter: text('ISO 8601.'), fingerprint: text() }),
    'The certificates that follow the first one, as they are kept.',
  ),
  findings: list(finding, 'What is wrong with it, or soon will be.'),
});
export type CertificateDetails = Of<typeof details>;

const addAnswer = extended(changeAnswer, {
  certificate: facts,
  warnings: list(problem, 'What is worth knowing, but does no harm yet.'),
});
export type AddCertificateAnswer = Of<typeof addAnswer>;

const exported = object({ name: text(), pem: text('Certificate, chain and, where asked for, key.') });
export type ExportedCertificate = Of<typeof exported>;

export const CERTIFICATES = {
  certificates: method(
    'GET /v1/certificates',
    'read',
    'All certificates: for whom, by whom, until when, and who uses them',
    object({ certificates: list(facts, 'In the order of their paths.') }, { next }),
    { heavy: true, asks: object({}, page), example: { limit: 100 } },
  ),
  certificate: method(
    'GET /v1/certificates/one',
    'read',
    'One certificate, its chain, and what is wrong with it',
    details,
    { asks: one, example: { name: 'shop' } },
  ),
  addCertificate: method(
    'POST /v1/certificates/add',
    'operate',
    'Read a certificate with its key and chain from files, check it, and keep it',
    addAnswer,
    {
      heavy: true,
      asks: object(
        { files: list(file, '', { minItems: 1, maxItems: 32 }) },
        {
          ...choice,
          passphrase: text('Opens an encrypted key or a PFX file.', { maxLength: 4096 }),
          replace: flag('There is one of this name already, and this one takes its place.'),
          allowWeak: flag('Weak keys and hashes are told, but not refused.'),
          reason,
          dryRun,
          ...careful,
        },
      ),
      example: { name: 'shop', files: [{ name: 'shop.pem', bytes: 'LS0tLS1CRUdJTg==' }], replace: true },
    },
  ),
  removeCertificate: method(
    'POST /v1/certificates/remove',
    'operate',
    'Remove a certificate that nothing refers to',
    changeAnswer,
    { asks: object({}, { ...choice, reason, dryRun, ...careful }), example: { name: 'shop' } },
  ),
  exportCertificate: method(
    'POST /v1/certificates/export',
    'read',
    'A certificate with its chain as PEM; with its private key only where an admin asks for that',
    exported,
    {
      question: true,
      asks: object({}, { ...choice, withKey: flag('With the private key: no other answer ever holds it.') }),
      example: { name: 'shop' },
    },
  ),
};

type Requests = typeof CERTIFICATES;
export type AddCertificateRequest = RequestOf<Requests['addCertificate']>;
export type RemoveCertificateRequest = RequestOf<Requests['removeCertificate']>;
export type ExportCertificateRequest = RequestOf<Requests['exportCertificate']>;
