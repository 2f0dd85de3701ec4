/** In which fields two versions of a record differ. Pure. */
import { canonicalize, isObject, type Json, type JsonObject } from '../schema/json.ts';
import { holdsKeyed } from './keyed.ts';

export interface FieldDifference {
  /** The way to the field: `name` or `name/below`. */
  field: string;
  /** Absent: not there. */
  a?: Json;
  b?: Json;
  /** It is a secret, or belongs to the unit alone: that it differs is all that is told. */
  hidden?: true;
}

export function differingFields(
  a: JsonObject | undefined,
  b: JsonObject | undefined,
  above: string[] = [],
): FieldDifference[] {
  const names = [...new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})])].sort();
  return names.flatMap(name => {
    const [one, other] = [valueAt(a, name), valueAt(b, name)];
    const way = [...above, name];
    if (isObject(one) && isObject(other)) return differingFields(one, other, way);
    if (one !== undefined && other !== undefined && canonicalize(one) === canonicalize(other)) return [];
    const field = way.join('/');
    if (holdsKeyed(one) || holdsKeyed(other)) return [{ field, hidden: true as const }];
    return [
      { field, ...(one === undefined ? {} : { a: one }), ...(other === undefined ? {} : { b: other }) },
    ];
  });
}

function valueAt(object: JsonObject | undefined, name: string): Json | undefined {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}
