import type { JsonObject } from '../schema/json.ts';
import type { Kind } from '../schema/kind.ts';
import type { Parameters } from './capture.ts';
import { fieldsOf, fromParameter, type LoadMasterField } from './parameter.ts';

/** Takes note of a parameter that did not become part of a record. */
export type Leave = (source: string, parameter: string, value: string, reason: string) => void;

/** The id of the object that the appliance knows by a number. */
export type IndexLookup = (type: 'VS' | 'Rs', index: string) => string | undefined;

const CLOCK = 'a reading of the clock, not a setting';
const STATE = 'a state, not a setting';
const COUNT = 'a count, not a setting';
const NUMBER = 'a number that the appliance gives; records are named by what they are';
const NESTED = 'Sub-Virtual Services are nested in their Virtual Service here';
const ABOVE = 'it is that of the Virtual Service above';
const MASKED = 'masked by the appliance: set it again';

const SERVICE = {
  Status: STATE,
  Index: NUMBER,
  IsTransparent: STATE,
  MasterVS: NESTED,
  MasterVSID: NESTED,
  NRules: COUNT,
  NRequestRules: COUNT,
  NResponseRules: COUNT,
  NMatchBodyRules: COUNT,
  NPreProcessRules: COUNT,
  NumberOfRSs: COUNT,
};
const SERVER = { Status: STATE, VSIndex: NUMBER, RsIndex: NUMBER, Nrules: COUNT };

/** Parameters that are no settings. Every other one has a field, or is unknown to this release. */
const NO_COUNTERPART: Record<'getall' | 'service' | 'subService' | 'server', Record<string, string>> = {
  getall: { time: CLOCK, boottime: CLOCK, activetime: CLOCK },
  service: SERVICE,
  subService: {
    ...SERVICE,
    ...SERVER,
    VSAddress: ABOVE,
    VSPort: ABOVE,
    Protocol: ABOVE,
    FollowVSID: ABOVE,
    Name: 'it became the id',
    Follow: 'a Sub-Virtual Service follows no other here',
  },
  server: SERVER,
};
type ObjectType = keyof typeof NO_COUNTERPART;

/**
 * The fields of `kind` among `parameters`, which are taken out; what is masked, unset or unreadable goes to `leave`.
 * A parameter without a value is no parameter.
 */
export function readFields(
  kind: Kind,
  parameters: Parameters,
  source: string,
  leave: Leave,
  lookup?: IndexLookup,
): JsonObject {
  const value: JsonObject = {};
  for (const field of fieldsOf(kind)) {
    const text = parameters.get(field.parameter);
    if (text === undefined) continue;
    parameters.delete(field.parameter);
    if (text !== '')
      readField(
        value,
        field,
        text,
        (parameter, reason) => leave(source, parameter, String(text), reason),
        lookup,
      );
  }
  return value;
}

function readField(
  value: JsonObject,
  of: LoadMasterField,
  text: string | string[],
  leave: (parameter: string, reason: string) => void,
  lookup?: IndexLookup,
): void {
  if (isMasked(text)) leave(of.parameter, MASKED);
  else if (of.absent?.includes(String(text))) leave(of.parameter, 'nothing is set');
  else {
    const read = of.index === undefined ? fromParameter(of, text) : lookup?.(of.index, String(text));
    if (read === undefined) leave(of.parameter, 'not a value that Lockstep knows');
    else value[of.field] = read;
  }
}

/** Hand everything that no field took to `leave`, with the reason why. */
export function reportRest(rest: Parameters, type: ObjectType, source: string, leave: Leave): void {
  const known = NO_COUNTERPART[type];
  for (const [parameter, value] of rest) {
    if (value === '') continue;
    const reason = Object.hasOwn(known, parameter) ? known[parameter] : undefined;
    leave(
      source,
      parameter,
      String(value),
      reason ?? (isMasked(value) ? MASKED : 'not known to this release of Lockstep'),
    );
  }
}

function isMasked(value: string | string[]): boolean {
  return /^\*{3,}$/.test(String(value));
}
