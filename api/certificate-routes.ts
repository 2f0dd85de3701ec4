import { assertRole } from '../unit/access/roles.ts';
import type { CertificateChoice, CertificateFace } from '../unit/certificates/contract.ts';
import * as schemas from './certificate-schemas.ts';
import type { Arguments, Route } from './route.ts';
import { closed } from './schemas.ts';

export const CERTIFICATE_ROUTES: Route[] = [
  {
    method: 'GET',
    url: '/v1/certificates',
    summary: 'All certificates: for whom, by whom, until when, and who uses them',
    needs: 'read',
    heavy: true,
    answer: schemas.certificatesAnswer,
    call: unit => unit.certificates(),
  },
  {
    method: 'GET',
    url: '/v1/certificates/one',
    summary: 'One certificate, its chain, and what is wrong with it',
    needs: 'read',
    query: closed({ name: schemas.certificateName, kind: schemas.certificateKind }),
    answer: schemas.certificateAnswer,
    call: (unit, { query }) => unit.certificate({ ...(query as CertificateChoice) }),
  },
  {
    method: 'POST',
    url: '/v1/certificates/add',
    summary: 'Read a certificate with its key and chain from files, check it, and keep it',
    needs: 'operate',
    heavy: true,
    body: schemas.addCertificateRequest,
    answer: schemas.addCertificateAnswer,
    call: (unit, { body, author, role, left }) =>
      unit.addCertificate({ ...(body as Arguments<CertificateFace['addCertificate']>), author, role }, left),
  },
  {
    method: 'POST',
    url: '/v1/certificates/remove',
    summary: 'Remove a certificate that nothing refers to',
    needs: 'operate',
    body: schemas.removeCertificateRequest,
    answer: schemas.removedCertificate,
    call: (unit, { body, author, role }) =>
      unit.removeCertificate({ ...(body as Arguments<CertificateFace['removeCertificate']>), author, role }),
  },
  {
    method: 'POST',
    url: '/v1/certificates/export',
    summary: 'A certificate with its chain as PEM; with its private key only where that is asked for',
    needs: 'read',
    body: schemas.exportCertificateRequest,
    answer: schemas.exportedCertificate,
    call: async (unit, { body, author, role }) => {
      const asked = body as Arguments<CertificateFace['exportCertificate']>;
      if (asked.withKey === true) assertRole(role, 'admin', 'A private key');
      return unit.exportCertificate({ ...asked, author });
    },
  },
];
