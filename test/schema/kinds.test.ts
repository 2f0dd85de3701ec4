import assert from 'node:assert/strict';
import { fieldsOf } from '../../loadmaster/parameter.ts';
import { builtInSchemas, loadCatalog } from '../../schema/catalog.ts';
import { isObject, type Json, type JsonObject } from '../../schema/json.ts';
import { ID_ALPHABET, type Kind } from '../../schema/kind.ts';
import { staleFiles } from '../../scripts/generate.ts';

const catalog = loadCatalog();
const propertiesOf = (kind: Kind): [string, JsonObject][] =>
  Object.entries(kind.schema.properties as Record<string, JsonObject>);
const exampleOf = (kind: Kind): JsonObject => (kind.schema.examples as JsonObject[])[0] ?? {};
const kindNamed = (name: string): Kind => catalog.kindNamed(name) ?? assert.fail(`there is no kind ${name}`);

/** Every property at every depth, as `interface.vlan.id`. */
function* everyProperty(schema: JsonObject, place: string): Generator<[string, JsonObject]> {
  for (const [name, property] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
    yield [`${place}.${name}`, property as JsonObject];
    yield* everyProperty(property as JsonObject, `${place}.${name}`);
  }
  if (isObject(schema.items)) yield* everyProperty(schema.items, `${place}.*`);
}

describe('the kinds of records', () => {
  it('are each in a file of their own name', () => {
    for (const { file, schema } of builtInSchemas())
      assert.equal(`${String(schema.$id)}.schema.json`, `urn:lockstep:kind:${file}`);
  });

  it('take no field that they do not name, at any depth', () => {
    for (const kind of catalog.kinds) {
      const objects = [...everyProperty(kind.schema, kind.name)].filter(
        ([, property]) => property.type === 'object',
      );
      for (const [place, object] of [[kind.name, kind.schema] as const, ...objects])
        assert.equal(object.unevaluatedProperties, false, place);
    }
  });

  it('say of every field what it is', () => {
    for (const kind of catalog.kinds) {
      assert.ok(kind.title && kind.description, kind.name);
      for (const [place, property] of everyProperty(kind.schema, kind.name))
        assert.match(String(property.description), /^\S.*\.$/, place);
    }
  });

  it('show an example that is valid', () => {
    for (const kind of catalog.kinds)
      assert.deepEqual(catalog.problems(kind, kind.name, exampleOf(kind)), [], kind.name);
  });

  it('have defaults and examples that their own fields take', () => {
    for (const kind of catalog.kinds) {
      for (const [field, property] of propertiesOf(kind)) {
        const values: Json[] = [
          ...((property.examples as Json[]) ?? []),
          ...(property.default === undefined ? [] : [property.default]),
        ];
        for (const value of values) {
          assert.deepEqual(
            catalog.problems(kind, kind.name, { ...exampleOf(kind), [field]: value }),
            [],
            `${kind.name}.${field}`,
          );
        }
      }
    }
  });

  it('give a default or an example for every field that is no secret and no choice', () => {
    for (const kind of catalog.kinds) {
      for (const [field, property] of propertiesOf(kind)) {
        const shown = ['default', 'examples', 'enum', 'properties'].some(key => property[key] !== undefined);
        const pem = ['pem-certificate', 'pem-private-key', 'scrypt-hash'].includes(String(property.format));
        assert.ok(
          shown || pem || property.writeOnly === true || property.type === 'boolean',
          `${kind.name}.${field}`,
        );
      }
    }
  });

  it('show ids that their own rule takes', () => {
    for (const { name, id } of catalog.kinds) {
      if (id === undefined) continue;
      assert.ok(id.examples.length > 0 && id.description !== '', name);
      for (const example of id.examples)
        assert.ok(ID_ALPHABET.test(example) && id.pattern.test(example), `${name}: ${example}`);
    }
  });

  it('never require on both units what belongs to one', () => {
    for (const kind of catalog.kinds.filter(({ scope }) => scope === 'mixed')) {
      const required = (kind.schema.required as string[] | undefined) ?? [];
      assert.deepEqual(
        required.filter(field => kind.unitFields.has(field)),
        [],
        kind.name,
      );
    }
  });

  it('keep on each unit what never leaves it', () => {
    const whole = catalog.kinds.filter(({ scope }) => scope === 'unit').map(({ name }) => name);
    const mixed = catalog.kinds
      .filter(({ scope }) => scope === 'mixed')
      .map(({ name, unitFields }) => [name, [...unitFields].sort()]);
    assert.deepEqual(whole, [
      'history',
      'host',
      'licence',
      'route',
      'time',
      'unitOperator',
      'webCertificate',
    ]);
    assert.deepEqual(Object.fromEntries(mixed), {
      backupSchedule: ['passphrase'],
      bal: ['passwordHash'],
      dns: ['nameServers', 'searchDomains'],
      ha: ['mode'],
      interface: [
        'additionalAddresses',
        'address',
        'bonding',
        'mtu',
        'partnerAddress',
        'prefix',
        'speed',
        'vlan',
        'vxlan',
      ],
      network: ['defaultGateway', 'defaultGatewayV6', 'dhcpV6', 'dhcpV6Duid', 'dhcpV6Release'],
      webAdmin: ['adminCertificate', 'localCertificate'],
    });
  });

  it('mark every password, key and secret as one', () => {
    const telling = /(password|secret|passphrase|community|hash)$|^key$/i;
    for (const kind of catalog.kinds) {
      for (const [place, property] of everyProperty(kind.schema, kind.name)) {
        const secret = property.type === 'string' && telling.test(place.split('.').at(-1) ?? '');
        assert.equal(property.writeOnly === true, secret, place);
      }
    }
  });

  it('refer to collections that there are', () => {
    const collections = catalog.kinds
      .map(({ template }) => template.join('/'))
      .filter(template => template.endsWith('/{id}'));
    for (const { name, references } of catalog.kinds) {
      for (const target of references.flatMap(({ targets }) => targets))
        assert.ok(collections.includes(`${target}/{id}`), `${name}: ${target}`);
    }
  });

  it('describe a Real Server, and a service, alike wherever it stands', () => {
    const fields = (name: string): JsonObject => kindNamed(name).schema.properties as JsonObject;
    assert.deepEqual(fields('subRealServer'), fields('realServer'));
    const [whole, sub] = [fields('virtualService'), fields('subVirtualService')];
    for (const field of Object.keys(whole).filter(name => name in sub))
      assert.deepEqual(sub[field], whole[field], field);
    const alone = Object.keys(whole).filter(name => !(name in sub));
    assert.deepEqual(alone, [
      'address',
      'port',
      'protocol',
      'extraPorts',
      'altAddress',
      'followVirtualService',
    ]);
  });

  it("give each of the appliance's parameters one home", () => {
    const unit = catalog.kinds.filter(({ schema }) => schema.loadmaster === 'getall').flatMap(fieldsOf);
    const services = ['virtualService', 'subVirtualService', 'realServer'].map(name =>
      fieldsOf(kindNamed(name)),
    );
    for (const fields of [unit, ...services]) {
      const parameters = fields.map(({ parameter }) => parameter);
      assert.equal(new Set(parameters).size, parameters.length);
    }
  });

  it('are what the generated types say', async () => {
    assert.deepEqual(await staleFiles(), [], 'run npm run types:generate');
  });
});
