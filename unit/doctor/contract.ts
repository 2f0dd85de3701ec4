import type { DoctorFinding, Group, Outcome, Step } from '../../audit/doctor/check.ts';

export { GROUPS, STEPS } from '../../audit/doctor/check.ts';
export type { DoctorFinding, Group, Outcome, Step };

export interface DoctorFace {
  /** Looks at both units; `before` judges them for a step that is about to be taken. */
  doctor(request: { before?: Step }): Promise<DoctorAnswer>;
}

export interface DoctorAnswer {
  before: Step | null;
  at: string;
  seconds: number;
  unit: string;
  /** null: there is none, or it could not be asked; `partnerUnknown` says why. */
  partner: string | null;
  partnerUnknown: string;
  counts: Record<Outcome, number>;
  findings: DoctorFinding[];
}
