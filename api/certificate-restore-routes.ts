import type { RestoreCertificatesRequest } from '../unit/certificates/restore-contract.ts';
import { restoreCertificatesAnswer, restoreCertificatesRequest } from './certificate-restore-schemas.ts';
import type { Body, Route } from './route.ts';

export const CERTIFICATE_RESTORE_ROUTES: Route[] = [
  {
    method: 'POST',
    url: '/v1/restore/certificates',
    summary: 'Put certificates of a certificate bundle that was taken in here',
    needs: 'admin',
    heavy: true,
    body: restoreCertificatesRequest,
    answer: restoreCertificatesAnswer,
    call: (unit, { body, author, role }) =>
      unit.restoreCertificates({ ...(body as Body<RestoreCertificatesRequest>), author, role }),
  },
];
