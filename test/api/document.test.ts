import assert from 'node:assert/strict';
import { METHOD_NAMES, methodOf } from '../../api/contract/methods.ts';
import { openapi } from '../../api/openapi.ts';
import { faultFinder } from '../../api/validators.ts';
import { isObject, type Json, type JsonObject } from '../../schema/json.ts';

interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  security: Record<string, string[]>[];
  parameters?: JsonObject[];
}

/** What `redocly lint` finds fault with, and what programs make of the document. */
describe('the OpenAPI document', () => {
  const document = openapi() as JsonObject & {
    tags: { name: string }[];
    components: { schemas: JsonObject; securitySchemes: JsonObject };
    paths: Record<string, Record<string, Operation>>;
  };
  const operations = Object.values(document.paths).flatMap(methods => Object.values(methods));

  function* inside(value: Json): Generator<JsonObject> {
    if (Array.isArray(value)) for (const item of value) yield* inside(item);
    else if (isObject(value)) {
      yield value;
      for (const item of Object.values(value)) yield* inside(item);
    }
  }

  it('names every method once, with a tag that it explains and a sentence', () => {
    assert.deepEqual(operations.map(({ operationId }) => operationId).sort(), [...METHOD_NAMES].sort());
    const tags = document.tags.map(({ name }) => name);
    for (const { tags: own, summary, operationId } of operations) {
      assert.ok(own.length === 1 && tags.includes(own[0] as string), operationId);
      assert.match(summary, /^[A-Z].*[^.]$/, operationId);
    }
    assert.ok(Object.hasOwn(document, 'servers') && Object.hasOwn(document.info as object, 'license'));
  });

  it('says by which doors one gets in, and with which role', () => {
    const doors = Object.keys(document.components.securitySchemes).sort();
    for (const { security, operationId } of operations) {
      const { role } = methodOf(operationId as (typeof METHOD_NAMES)[number]);
      assert.deepEqual(security.flatMap(each => Object.keys(each)).sort(), doors, operationId);
      assert.deepEqual(security, [{ unixSocket: [] }, { operator: [role] }], operationId);
    }
  });

  it('refers to shapes that it holds, and holds none that nothing refers to', () => {
    const used = new Set<string>();
    for (const { $ref } of inside(document)) if (typeof $ref === 'string') used.add($ref);
    const held = Object.keys(document.components.schemas).map(name => `#/components/schemas/${name}`);
    assert.deepEqual([...used].sort(), held.sort());
    assert.ok(held.length > 25, `${held.length} shapes`);
  });

  it('lets answers grow and closes requests', () => {
    for (const { requestBody } of operations as (Operation & { requestBody?: JsonObject })[])
      for (const part of inside(requestBody ?? {}))
        if (part.type === 'object' && isObject(part.properties) && part.required !== undefined)
          assert.notEqual(part.additionalProperties, undefined, JSON.stringify(part).slice(0, 200));
    assert.equal((document.components.schemas.Status as JsonObject).additionalProperties, undefined);
    assert.equal((document.components.schemas.ChangeAnswer as JsonObject).additionalProperties, undefined);
  });

  it('gives examples that its schemas take', () => {
    for (const name of METHOD_NAMES) {
      const { asks, example } = methodOf(name);
      const says = Object.keys(asks.properties as object).length > 0;
      assert.equal(example !== undefined, says, `${name}: an example where there is something to say`);
      if (example !== undefined) assert.equal(faultFinder(asks)(example), undefined, name);
    }
  });
});
