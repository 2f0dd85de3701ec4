import type { Condition } from './conditions.ts';
import type { Letter, Mode } from './plan.ts';

/** What the program does at a step; replace/act.ts carries it out. */
export type Action =
  | { do: 'backup'; of: Letter; kind: 'configuration' | 'certificates'; bundle: string }
  | { do: 'bring'; from: string; of: Letter; kind: 'configuration' | 'certificates'; bundle: string }
  | { do: 'prefer'; on: Letter; host: 'none' | Mode }
  | { do: 'doctor'; on: Letter; accept: readonly string[] }
  | { do: 'restore'; on: Letter; of: Letter; bundle: string }
  | { do: 'restore-certificates'; on: Letter; bundle: string }
  | { do: 'pair'; inviter: Letter; joiner: Letter }
  | { do: 'force-update'; on: Letter }
  | { do: 'takeover'; on: Letter; force: boolean }
  | { do: 'confirm-source'; on: Letter }
  | { do: 'become-first'; on: Letter }
  | { do: 'become-single'; on: Letter }
  | { do: 'unpair'; on: Letter }
  /** `partner`: with whom it is in step again afterwards. */
  | { do: 'restart'; on: Letter; partner?: Letter }
  | { do: 'settle-branches'; on: Letter; partner: Letter }
  | { do: 'audit'; on: Letter };

/** One step of a replacement: measured before, done, measured after. */
export interface Step {
  id: string;
  /** Numbers of the steps of the appliance that it stands for; empty: the appliance has none. */
  appliance: string;
  title: string;
  /** Absent: a person does it, as `does` says, and the program waits until `after` holds. */
  action?: Action;
  does: string;
  /** The unit that a person takes out. */
  leaves?: Letter;
  before: Condition;
  after: Condition;
  /** The later step that ends what `after` says, on purpose; absent: it holds to the end, and is measured to the end. */
  until?: string;
  back: string;
  interruption: string;
}
