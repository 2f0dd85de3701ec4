import { isObject, type Json, type JsonObject } from './json.ts';
import type { Kind } from './kind.ts';

/**
 * How strictly a record is judged. `new`: as what somebody writes now. `held`: as what stores, bundles and partners of earlier
 * releases may hold: without what `tightened` adds, so that nothing which was once taken makes an update or a rollback fail
 * (docs/decisions/0038-tightened-schemas.md).
 */
export type Judged = 'new' | 'held';

/** What these formats take is one spelling less than what they took once: an IPv4-mapped address is written as IPv4. */
const NARROWED: Readonly<Record<string, string>> = {
  'ip-address': 'plain-ip-address',
  'ip-network': 'plain-ip-network',
  host: 'plain-host',
};

/** The schema with everything that `tightened` adds; for kinds of ours also that a text is one line unless it says otherwise. */
export function tightenedSchema({ schema, site }: Pick<Kind, 'schema' | 'site'>): JsonObject {
  const { $id: _id, ...rest } = schema;
  return tightenNode(rest, site) as JsonObject;
}

/** The schema as it was before anything was tightened: what releases compare, since both take the same records by it. */
export function withoutTightened(node: Json): Json {
  if (Array.isArray(node)) return node.map(withoutTightened);
  if (!isObject(node)) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([name]) => name !== 'tightened')
      .map(([name, value]) => [name, withoutTightened(value)]),
  );
}

function tightenNode(node: JsonObject, site: boolean): JsonObject {
  const { tightened, ...rest } = node;
  const { multiline, ...more }: JsonObject = isObject(tightened) ? tightened : {};
  const result: JsonObject = { ...rest, ...below(rest, site), ...more };
  if (site) return result;
  const narrowed = NARROWED[String(result.format)];
  if (narrowed !== undefined) result.format = narrowed;
  if (isFreeText(result) && multiline !== true) result.format = 'one-line';
  return result;
}

/** The parts of a schema that are schemas. */
function below({ properties, items, additionalProperties, anyOf }: JsonObject, site: boolean): JsonObject {
  const inner = (part: Json): Json => (isObject(part) ? tightenNode(part, site) : part);
  return {
    ...(isObject(properties)
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, part]) => [name, inner(part)]),
          ),
        }
      : {}),
    ...(isObject(items) ? { items: inner(items) } : {}),
    ...(isObject(additionalProperties) ? { additionalProperties: inner(additionalProperties) } : {}),
    ...(Array.isArray(anyOf) ? { anyOf: anyOf.map(inner) } : {}),
  };
}

function isFreeText({ type, enum: listed, const: only, format, pattern }: JsonObject): boolean {
  return type === 'string' && [listed, only, format, pattern].every(said => said === undefined);
}
