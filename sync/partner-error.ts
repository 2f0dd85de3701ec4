import { ERROR_CODES, type ErrorBody, LockstepError } from '../schema/error.ts';

/** The error that the partner answered with. Another release may have codes that this one does not know. */
export function asError(body: ErrorBody): LockstepError {
  const code = Object.hasOwn(ERROR_CODES, body.code) ? body.code : 'bad-message';
  return new LockstepError(code, body.message, {
    hint: body.hint,
    ...(body.facts === undefined ? {} : { facts: body.facts }),
  });
}
