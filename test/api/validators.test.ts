import assert from 'node:assert/strict';
import { METHOD_NAMES, methodOf } from '../../api/contract/methods.ts';
import { AJV_OPTIONS, compileWhenAsked } from '../../api/validators.ts';

describe('validators of requests', () => {
  const compile = compileWhenAsked({}, { customOptions: AJV_OPTIONS });

  it('can be made for every route, though the first request of each makes it', () => {
    for (const name of METHOD_NAMES) compile({ schema: methodOf(name).asks } as never)({});
  });

  it('say what is wrong, each time anew', () => {
    const validate = compile({ schema: { type: 'object', required: ['path'] } } as never) as {
      (data: unknown): unknown;
      errors?: { params: object }[] | null;
    };
    assert.equal(validate({}), false);
    assert.deepEqual(validate.errors?.[0]?.params, { missingProperty: 'path' });
    assert.equal(validate({ path: 'ha' }), true);
    assert.equal(validate.errors, null);
  });
});
