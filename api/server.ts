import { chmod } from 'node:fs/promises';
import { Readable } from 'node:stream';
import swagger from '@fastify/swagger';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { LockstepError } from '../schema/error.ts';
import { type JsonObject, MAX_DOCUMENT_BYTES, parseDocument } from '../schema/json.ts';
import { assertRole } from '../unit/access/roles.ts';
import type { Operator, ServeOperator, UnitFace } from '../unit/contract.ts';
import { type Asking, type Door, whoAsks } from './asking.ts';
import { AUTHOR_HEADER } from './author.ts';
import { endWhenSilent } from './body-silence.ts';
import { BytesAnswer, FACTS_HEADER, writeFacts } from './bytes.ts';
import { errorOfRequest, HTTP_STATUS, unknownRoute } from './errors.ts';
import { leftOf, neverLeaves } from './left.ts';
import type { Route } from './route.ts';
import { ROUTES } from './routes.ts';
import * as schemas from './schemas.ts';
import { checkSocketPath, clearStaleSocket } from './socket.ts';
import { Turns } from './turns.ts';
import { refuseExpectation, refuseUnreadable } from './unreadable.ts';
import { UPLOAD_TYPE } from './upload.ts';
import { AJV_OPTIONS, compileWhenAsked } from './validators.ts';

declare module 'fastify' {
  interface FastifyRequest {
    asking: Asking;
  }
  interface FastifyContextConfig {
    heavy?: boolean;
  }
}

/** Where the API reports to; a pino logger fits. It gets routes and codes, never bodies or values. */
export interface ApiLog {
  info(facts: object, message: string): void;
  debug(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface ApiOptions {
  unit: UnitFace;
  /** Lives in a directory of mode 0700; the socket itself becomes 0600. */
  socketPath: string;
  log: ApiLog;
  /** Called when it could answer, before anybody reaches it. */
  beforeListening?(serveOperator: ServeOperator): Promise<void>;
}

export interface Api {
  close(): Promise<void>;
  /** Speaks HTTP over a stream of an operator, who may what his role says. */
  serveOperator: ServeOperator;
}

/** Serve the API of a unit. Throws `unit-busy`, `port-in-use`, `bad-usage` (path too long), `disk`. */
export async function serveApi({ unit, socketPath, log, beforeListening }: ApiOptions): Promise<Api> {
  checkSocketPath(socketPath);
  const visitors: Visitors = new WeakMap();
  const app = await buildApi(unit, log, visitors);
  const serveOperator: ServeOperator = (stream, operator) => {
    visitors.set(stream, { operator, busy: false });
    stream.on('error', () => undefined); // the end of the connection is all that there is to say
    app.server.emit('connection', stream);
  };
  await app.ready();
  await beforeListening?.(serveOperator);
  await clearStaleSocket(socketPath);
  await app.listen({ path: socketPath });
  await chmod(socketPath, 0o600);
  return { close: () => app.close(), serveOperator };
}

async function buildApi(unit: UnitFace, log: ApiLog, visitors: Visitors): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    bodyLimit: MAX_DOCUMENT_BYTES,
    forceCloseConnections: true,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply, log),
    clientErrorHandler: refuseUnreadable,
    ajv: { customOptions: AJV_OPTIONS },
    schemaController: { compilersFactory: { buildValidator: compileWhenAsked } },
  });
  // Whoever has said all closes their half, and still reads the answer (RFC 4254, 5.3). Node.js has it without a public name.
  Object.assign(app.server, { httpAllowHalfOpen: true });
  app.server.on('checkExpectation', refuseExpectation);
  // The door of the Unix socket: what its listener itself accepted, and nothing that somebody hands in.
  const atSocket = new WeakSet<object>();
  app.server.prependListener('connection', (connection: { server?: unknown }) => {
    if (connection.server === app.server) atSocket.add(connection);
  });
  readStrictJson(app);
  passUploadsOn(app);
  // Answers are not checked: a schema that lags behind must not drop a field of a big answer.
  app.setSerializerCompiler(() => data => JSON.stringify(data));
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, log));
  app.setNotFoundHandler((request, reply) =>
    sendError(unknownRoute(request.method, request.url), request, reply, log),
  );
  app.addHook('onRequest', async request => {
    const { socket, headers } = request.raw;
    const visitor = visitors.get(socket);
    const door: Door | undefined = visitor && { by: 'operator', operator: visitor.operator };
    request.asking = whoAsks(door ?? (atSocket.has(socket) ? { by: 'socket' } : undefined), headers);
    if (visitor === undefined) return;
    // Each answer is made at once, so thousands of questions in one breath would fill the memory.
    if (visitor.busy) throw endPipelining(socket);
    visitor.busy = true;
    if (request.routeOptions.config.heavy !== true) endWhenSilent(request.raw);
  });
  // From here on the stream holds the next question back until this answer is taken.
  app.addHook('onSend', async request => {
    const visitor = visitors.get(request.raw.socket);
    if (visitor !== undefined) visitor.busy = false;
  });
  app.addHook('onResponse', async (request, reply) => logAnswer(request, reply, log));
  await app.register(swagger, { openapi: OPENAPI });
  await app.register(async routes => addRoutes(routes, unit, log, visitors));
  return app;
}

/** Of requests that bring no part of the configuration. */
const SMALL_BODY_BYTES = 1024 * 1024;

/** Streams of operators, and whether a request on them is being answered. */
type Visitors = WeakMap<object, { operator: Operator; busy: boolean }>;

function endPipelining(socket: { destroy(): unknown }): LockstepError {
  socket.destroy();
  return new LockstepError('bad-usage', 'One request at a time: open another channel for the next.');
}

const OPENAPI = {
  openapi: '3.1.0',
  info: {
    title: 'Lockstep',
    description:
      `The API of one unit. Errors have one shape everywhere: a stable code, a sentence, and a hint. ` +
      `The request header ${AUTHOR_HEADER} (percent-encoded UTF-8, at most 128 characters) says who asks; ` +
      `of an operator, his key does. Each operation needs a role of operators: read, operate or admin.`,
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

function addRoutes(app: FastifyInstance, unit: UnitFace, log: ApiLog, visitors: Visitors): void {
  const turns = new Turns();
  app.get('/openapi.json', { schema: { hide: true } as object }, async () => app.swagger());
  for (const route of ROUTES) {
    app.route({
      method: route.method,
      url: route.url,
      schema: schemaOf(route),
      config: { heavy: route.heavy === true },
      bodyLimit: route.heavy === true ? MAX_DOCUMENT_BYTES : SMALL_BODY_BYTES,
      onRequest: async (request, reply) => {
        assertRole(request.asking.role, route.needs, `${route.method} ${route.url}`);
        const visitor = visitors.get(request.raw.socket);
        if (visitor !== undefined && route.heavy === true)
          await awaitTurn(turns, visitor.operator, request, reply);
      },
      preValidation: async request => prepare(route, request),
      handler: async (request, reply) => {
        const { query, body, asking } = request;
        const left = route.heavy === true ? leftOf(request.raw, reply.raw) : neverLeaves();
        const answer = await route.call(unit, { query, body, ...asking, left });
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

/** Before the body is read, and until the answer is taken: both are held in memory. */
async function awaitTurn(
  turns: Turns,
  { name }: Operator,
  { raw: { socket }, raw }: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const endTurn = await turns.take(name);
  const end = (): void => {
    reply.raw.off('close', end);
    socket.off('close', end);
    endTurn();
  };
  if (socket.destroyed) return endTurn();
  reply.raw.once('close', end);
  socket.once('close', end);
  endWhenSilent(raw);
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
      default: {
        description: 'Refused or failed',
        content: { 'application/json': { schema: schemas.error } },
      },
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
  const error = errorOfRequest(thrown, request.routeOptions.bodyLimit ?? MAX_DOCUMENT_BYTES);
  const facts = { method: request.method, route: request.routeOptions.url, code: error.code };
  if (error.class === 'damaged') log.error({ ...facts, stack: (thrown as Error).stack }, error.message);
  else log.debug(facts, 'request refused');
  return reply.status(HTTP_STATUS[error.class]).type('application/json; charset=utf-8').send(error.toJSON());
}

function logAnswer(request: FastifyRequest, reply: FastifyReply, log: ApiLog): void {
  const { method, routeOptions, asking } = request;
  const facts = { method, route: routeOptions.url, status: reply.statusCode };
  const ms = Math.round(reply.elapsedTime);
  // Who did what stays in the log, also where it was refused.
  if (method === 'GET') log.debug({ ...facts, ms }, 'request answered');
  else log.info({ ...asking, ...facts, ms }, 'request answered');
}
