import type { CertificateChoice, CertificateFace } from '../unit/certificate-face.ts';
import * as schemas from './certificate-schemas.ts';
import type { Arguments, Route } from './route.ts';
import { closed } from './schemas.ts';

export const CERTIFICATE_ROUTES: Route[] = [
  {
    method: 'GET',
    url: '/v1/certificates',
    summary: 'All certificates: for whom, by whom, until when, and who uses them',
    answer: schemas.certificatesAnswer,
    call: unit => unit.certificates(),
  },
  {
    method: 'GET',
    url: '/v1/certificates/one',
    summary: 'One certificate, its chain, and what is wrong with it',
    query: closed({ name: schemas.certificateName, kind: schemas.certificateKind }),
    answer: schemas.certificateAnswer,
    call: (unit, { query }) => unit.certificate({ ...(query as CertificateChoice) }),
  },
  {
    method: 'POST',
    url: '/v1/certificates/add',
    summary: 'Read a certificate with its key and chain from files, check it, and keep it',
    body: schemas.addCertificateRequest,
    answer: schemas.addCertificateAnswer,
    call: (unit, { body, author }) =>
      unit.addCertificate({ ...(body as Arguments<CertificateFace['addCertificate']>), author }),
  },
  {
    method: 'POST',
    url: '/v1/certificates/remove',
    summary: 'Remove a certificate that nothing refers to',
    body: schemas.removeCertificateRequest,
    answer: schemas.removedCertificate,
    call: (unit, { body, author }) =>
      unit.removeCertificate({ ...(body as Arguments<CertificateFace['removeCertificate']>), author }),
  },
  {
    method: 'POST',
    url: '/v1/certificates/export',
    summary: 'A certificate with its chain as PEM; with its private key only where that is asked for',
    body: schemas.exportCertificateRequest,
    answer: schemas.exportedCertificate,
    call: (unit, { body, author }) =>
      unit.exportCertificate({ ...(body as Arguments<CertificateFace['exportCertificate']>), author }),
  },
];
