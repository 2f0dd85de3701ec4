import type { Step } from '../unit/doctor/contract.ts';
import { doctorAnswer, doctorQuery } from './doctor-schemas.ts';
import type { Route } from './route.ts';

export const DOCTOR_ROUTES: Route[] = [
  {
    method: 'GET',
    url: '/v1/doctor',
    summary: 'Look at both units: every rule of a pair that a program can check',
    needs: 'read',
    query: doctorQuery,
    answer: doctorAnswer,
    call: (unit, { query }) => unit.doctor(query as { before?: Step }),
  },
];
