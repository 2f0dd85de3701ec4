import { chmod } from 'node:fs/promises';
import { Readable } from 'node:stream';
import swagger from '@fastify/swagger';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { LockstepError } from '../schema/error.ts';
import { type JsonObject, MAX_DOCUMENT_BYTES, parseDocument } from '../schema/json.ts';
import type { UnitFace } from '../unit/face.ts';
import { AUTHOR_HEADER, readAuthor } from './author.ts';
import { BytesAnswer, FACTS_HEADER, writeFacts } from './bytes.ts';
import { errorOfRequest, HTTP_STATUS, unknownRoute } from './errors.ts';
import type { Route } from './route.ts';
import { ROUTES } from './routes.ts';
import * as schemas from './schemas.ts';
import { checkSocketPath, clearStaleSocket } from './socket.ts';
import { UPLOAD_TYPE } from './upload.ts';

/** Where the API reports to; a pino logger fits. It gets routes and codes, never bodies or values. */
export interface ApiLog {
  debug(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface ApiOptions {
  unit: UnitFace;
  /** Lives in a directory of mode 0700; the socket itself becomes 0600. */
  socketPath: string;
  log: ApiLog;
}

/** Serve the API of a unit. Throws `unit-busy`, `port-in-use`, `bad-usage` (path too long), `disk`. */
export async function serveApi({ unit, socketPath, log }: ApiOptions): Promise<{ close(): Promise<void> }> {
  checkSocketPath(socketPath);
  const app = await buildApi(unit, log);
  await clearStaleSocket(socketPath);
  await app.listen({ path: socketPath });
  await chmod(socketPath, 0o600);
  return { close: () => app.close() };
}

async function buildApi(unit: UnitFace, log: ApiLog): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: MAX_DOCUMENT_BYTES,
    forceCloseConnections: true,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, discriminator: true } },
  });
  readStrictJson(app);
  passUploadsOn(app);
  // Answers are not checked: a schema that lags behind must not drop a field of a big answer.
  app.setSerializerCompiler(() => data => JSON.stringify(data));
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, log));
  app.setNotFoundHandler((request, reply) =>
    sendError(unknownRoute(request.method, request.url), request, reply, log),
  );
  app.addHook('onResponse', async (request, reply) => logAnswer(request, reply, log));
  await app.register(swagger, { openapi: OPENAPI });
  await app.register(async routes => addRoutes(routes, unit, log));
  return app;
}

const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'Lockstep',
    description:
      `The API of one unit. Errors have one shape everywhere: a stable code, a sentence, and a hint. ` +
      `The request header ${AUTHOR_HEADER} (percent-encoded UTF-8, at most 128 characters) says who asks.`,
    version: '1',
  },
};

/** Bodies are read as strictly as files: nothing that JSON.parse would quietly bend gets in. */
function readStrictJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, bytes: Buffer) =>
      bytes.length === 0 ? {} : parseDocument(decode(bytes), 'The request'),
  );
}

/** A file is not collected in memory: the unit reads it as it comes. */
function passUploadsOn(app: FastifyInstance): void {
  app.addContentTypeParser(UPLOAD_TYPE, async (_request: FastifyRequest, bytes: Readable) => bytes);
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new LockstepError('bad-json', 'The request is not UTF-8.');
  }
}

function addRoutes(app: FastifyInstance, unit: UnitFace, log: ApiLog): void {
  app.get('/openapi.json', { schema: { hide: true } as object }, async () => app.swagger());
  for (const route of ROUTES) {
    app.route({
      method: route.method,
      url: route.url,
      schema: schemaOf(route),
      preValidation: async request => prepare(route, request),
      handler: async (request, reply) => {
        const author = readAuthor(request.headers[AUTHOR_HEADER]);
        const answer = await route.call(unit, { query: request.query, body: request.body, author });
        reply.type(route.type ?? 'application/json; charset=utf-8');
        if (!(answer instanceof BytesAnswer)) return reply.send(answer);
        // The answer has begun: all that can still be done is to break it off, which the other end sees.
        answer.bytes.once('error', error =>
          log.error({ route: route.url }, `an answer broke off: ${error.message}`),
        );
        return reply.header(FACTS_HEADER, writeFacts(answer.facts)).send(answer.bytes);
      },
    });
  }
}

function schemaOf({ method, url, summary, query, body, answer, type, upload }: Route): object {
  return {
    operationId: `${method.toLowerCase()}${url.replaceAll(/[/-](v1)?/g, ' ').replaceAll(/ +(\w)/g, (_all, first: string) => first.toUpperCase())}`,
    summary,
    ...(query === undefined ? {} : { querystring: query }),
    ...(body === undefined ? {} : { body }),
    ...(upload === true
      ? { body: { content: { [UPLOAD_TYPE]: { schema: { description: 'The file.' } } } } }
      : {}),
    ...(type === undefined ? {} : { produces: [type.split(';')[0]] }),
    response: {
      200: { description: 'Done', ...answer },
      default: { description: 'Refused or failed', ...schemas.error },
    },
  };
}

/** Text of the query becomes the number or truth value that the schema names; a missing body is an empty one. */
function prepare(route: Route, request: FastifyRequest): void {
  if (request.body instanceof Readable !== (route.upload === true)) throw wrongType(route);
  if (route.body !== undefined) request.body ??= {};
  const properties = (route.query?.properties ?? {}) as Record<string, JsonObject>;
  const query = request.query as Record<string, unknown>;
  for (const [name, { type }] of Object.entries(properties)) {
    const text = query[name];
    if (type === 'integer' && typeof text === 'string' && /^\d{1,15}$/.test(text)) query[name] = Number(text);
    if (type === 'boolean' && (text === 'true' || text === 'false')) query[name] = text === 'true';
  }
}

function wrongType({ upload }: Route): LockstepError {
  const type = upload === true ? UPLOAD_TYPE : 'application/json';
  return new LockstepError('bad-usage', `This request has a body of the type ${type}.`, {
    hint: `Send the header content-type: ${type}.`,
  });
}

function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: ApiLog): FastifyReply {
  const error = errorOfRequest(thrown);
  const facts = { method: request.method, route: request.routeOptions.url, code: error.code };
  if (error.class === 'damaged') log.error({ ...facts, stack: (thrown as Error).stack }, error.message);
  else log.debug(facts, 'request refused');
  return reply.status(HTTP_STATUS[error.class]).type('application/json; charset=utf-8').send(error.toJSON());
}

function logAnswer(request: FastifyRequest, reply: FastifyReply, log: ApiLog): void {
  const { method, routeOptions } = request;
  log.debug(
    { method, route: routeOptions.url, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
    'request answered',
  );
}
