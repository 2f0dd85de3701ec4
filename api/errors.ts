import { asLockstepError, type ErrorClass, LockstepError } from '../schema/error.ts';

/** The one table from what kind of error it is to the status of the answer. */
export const HTTP_STATUS: Record<ErrorClass, number> = {
  usage: 400,
  forbidden: 403,
  refused: 409,
  missing: 404,
  unreachable: 503,
  damaged: 500,
};

/** The part of a request's validation error that a caller is told. */
interface Finding {
  instancePath: string;
  message?: string;
  params?: Record<string, unknown>;
}

/**
 * Whatever was thrown while a request was answered, the web framework's own errors included, as ours.
 * `limit`: bytes that its body might have.
 */
export function errorOfRequest(thrown: unknown, limit: number): LockstepError {
  if (thrown instanceof LockstepError) return thrown;
  const error = thrown as {
    code?: string;
    message?: string;
    validation?: Finding[];
    validationContext?: string;
    statusCode?: number;
  };
  if (error.validation !== undefined)
    return malformed(error.validation[0], error.validationContext ?? 'request');
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return requestTooLarge(limit);
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new LockstepError('bad-usage', 'The body of a request must be JSON.', {
      hint: 'Send the header content-type: application/json.',
    });
  }
  if (error.code?.startsWith('FST_') && (error.statusCode ?? 500) < 500)
    return new LockstepError('bad-usage', error.message ?? 'Bad request.');
  return asLockstepError(thrown);
}

export function unknownRoute(method: string, url: string): LockstepError {
  return new LockstepError('bad-usage', `There is no ${method} ${url.split('?')[0]?.slice(0, 200)}.`, {
    hint: 'GET /openapi.json lists everything that the API offers.',
  });
}

function malformed(finding: Finding | undefined, context: string): LockstepError {
  const place = `${context}${finding?.instancePath ?? ''}`;
  const extra = finding?.params?.additionalProperty;
  const named = typeof extra === 'string' ? `: ${JSON.stringify(extra)}` : '';
  return new LockstepError(
    'bad-usage',
    `The request is not well formed: ${place} ${finding?.message ?? 'is not valid'}${named}.`,
    {
      hint: 'GET /openapi.json says what each request holds.',
      facts: { path: place },
    },
  );
}

function requestTooLarge(limit: number): LockstepError {
  return new LockstepError('too-large', `The request has more than ${limit} bytes.`, {
    hint: 'Split it into several changes.',
    facts: { limit },
  });
}
