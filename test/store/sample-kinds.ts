import { Catalog, type SchemaFile } from '../../schema/catalog.ts';
import type { Json, JsonObject } from '../../schema/json.ts';

const NAME = { pattern: '^[A-Za-z0-9._:@*-]+$', description: 'A name.', examples: ['a'] };

/** Small kinds with everything that a kind can have; independent of those that Lockstep ships. */
export function sampleCatalog(): Catalog {
  return new Catalog(SAMPLES);
}

const SAMPLES: SchemaFile[] = [
  kind('thing', 'things/{id}', {
    label: { type: 'string', maxLength: 200 },
    size: { type: 'integer', minimum: 0, maximum: 100 },
    serial: { type: 'integer', unique: true },
    friend: { type: 'string', refersTo: ['things'] },
    password: { type: 'string', writeOnly: true },
    seat: { type: 'string', scope: 'unit' },
  }),
  kind('part', 'things/{id}/parts/{id}', { weight: { type: 'integer' } }),
  kind('bit', 'things/{id}/parts/{id}/bits/{id}', { on: { type: 'boolean' } }),
  kind('knob', 'knob', {
    level: { type: 'integer', minimum: 0, maximum: 10 },
    key: { type: 'string', writeOnly: true },
    place: { type: 'string', scope: 'unit' },
    pin: { type: 'string', scope: 'unit', writeOnly: true },
  }),
  kind('clock', 'clock', { zone: { type: 'string' } }, { scope: 'unit' }),
  kind('box', 'depot/boxes/{id}', { full: { type: 'boolean' } }),
  kind('person', 'people/{id}', { role: { type: 'string' } }),
  kind('root', 'people/root', { password: { type: 'string', writeOnly: true } }, { scope: 'unit' }),
];

function kind(
  name: string,
  recordPath: string,
  properties: JsonObject,
  more: Record<string, Json> = {},
): SchemaFile {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:lockstep:kind:${name}`,
    title: name,
    recordPath,
    ...(recordPath.endsWith('{id}') ? { recordId: NAME } : {}),
    part: 'base',
    type: 'object',
    properties,
    unevaluatedProperties: false,
    ...more,
  };
  return { file: `${name}.schema.json`, schema };
}
