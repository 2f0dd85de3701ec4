import { Readable } from 'node:stream';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { LockstepError } from '../schema/error.ts';
import { MAX_DOCUMENT_BYTES, parseDocument } from '../schema/json.ts';
import { checkAnswer } from './answer-check.ts';
import { whoAsks } from './asking.ts';
import type { Event } from './contract/events.ts';
import type { AnyMethod, Asking } from './contract/method.ts';
import { type Handlers, METHOD_NAMES, type MethodName, methodOf } from './contract/methods.ts';
import { mayDo, refuseRole, type ServeOperator } from './contract/roles.ts';
import { OperatorDoor } from './doors/operator.ts';
import { UnixDoor } from './doors/unix.ts';
import { errorOfRequest, HTTP_STATUS, unknownRoute } from './errors.ts';
import { writeEvents } from './event-stream.ts';
import { FACTS_HEADER, writeFacts } from './facts-header.ts';
import { leftOf, neverLeaves } from './left.ts';
import { openapi } from './openapi.ts';
import { checkSocketPath } from './socket.ts';
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
  unit: Handlers;
  /** Lives in a directory of mode 0700; the socket itself becomes 0600. */
  socketPath: string;
  log: ApiLog;
  /** An answer that is not what its schema says is refused: for tests. */
  checkAnswers?: boolean;
  /** Called when it could answer, before anybody reaches it. */
  beforeListening?(serveOperator: ServeOperator): Promise<void>;
}

export interface Api {
  close(): Promise<void>;
  /** Speaks HTTP over a stream of an operator, who may do what their role says. */
  serveOperator: ServeOperator;
}

/** Serve the API of a unit. Throws `unit-busy`, `port-in-use`, `bad-usage` (path too long), `disk`. */
export async function serveApi(options: ApiOptions): Promise<Api> {
  const { socketPath } = options;
  checkSocketPath(socketPath);
  const app = makeServer(options.log);
  const unix = new UnixDoor(app.server);
  const operators = new OperatorDoor(app.server);
  app.addHook('onRequest', async request => {
    request.asking = whoAsks([unix, operators], request.raw);
    operators.begin(request.raw, request.routeOptions.config.heavy === true);
  });
  app.addHook('onSend', async request => operators.answered(request.raw));
  app.addHook('onResponse', async (request, reply) => logAnswer(request, reply, options.log));
  app.get('/openapi.json', async () => openapi());
  for (const name of METHOD_NAMES) addRoute(app, name, operators, options);
  await app.ready();
  await options.beforeListening?.(operators.serve);
  await unix.open(socketPath, path => app.listen({ path }));
  return { close: () => app.close(), serveOperator: operators.serve };
}

function makeServer(log: ApiLog): FastifyInstance {
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
  readStrictJson(app);
  // A file is not collected in memory: the unit reads it as it comes.
  app.addContentTypeParser(UPLOAD_TYPE, async (_request: FastifyRequest, bytes: Readable) => bytes);
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, log));
  app.setNotFoundHandler((request, reply) =>
    sendError(unknownRoute(request.method, request.url), request, reply, log),
  );
  return app;
}

/** Of requests that bring no part of the configuration. */
const SMALL_BODY_BYTES = 1024 * 1024;

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

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new LockstepError('bad-json', 'The request is not UTF-8.');
  }
}

function addRoute(
  app: FastifyInstance,
  name: MethodName,
  operators: OperatorDoor,
  options: ApiOptions,
): void {
  const method = methodOf(name);
  const { http, path, heavy, role, asks } = method;
  const act = options.unit[name] as (asked: object, left: AbortSignal) => Promise<unknown>;
  app.route({
    method: http,
    url: path,
    schema: http === 'POST' ? (method.upload ? {} : { body: asks }) : queryOf(asks),
    config: { heavy },
    bodyLimit: heavy ? MAX_DOCUMENT_BYTES : SMALL_BODY_BYTES,
    onRequest: async ({ asking, raw }, reply) => {
      if (!mayDo(asking.role, role)) throw refuseRole(asking.role, role, `${http} ${path}`);
      if (heavy) await operators.awaitTurn(raw, reply.raw);
    },
    preValidation: async request => prepare(method, request),
    handler: async ({ query, body, asking, raw }, reply) => {
      const left = heavy || method.written === 'events' ? leftOf(raw, reply.raw) : neverLeaves();
      const asked = method.upload ? { bytes: body } : ((http === 'POST' ? body : query) as object);
      const answer = await act({ ...asked, ...asking }, left);
      if (options.checkAnswers === true && method.written !== 'events') checkAnswer(name, answer);
      return WRITERS[method.written](reply, answer, error =>
        options.log.error({ route: path }, `an answer broke off: ${error.message}`),
      );
    },
  });
}

/** Where there is nothing to ask, what a URL says besides is passed over. */
function queryOf(asks: AnyMethod['asks']): object {
  return Object.keys(asks.properties as object).length === 0 ? {} : { querystring: asks };
}

type Write = (reply: FastifyReply, answer: unknown, onBroken: (error: Error) => void) => unknown;

/** An answer that has begun can only be broken off, which the other end sees. */
const WRITERS: Record<AnyMethod['written'], Write> = {
  json: (reply, answer) => reply.type('application/json; charset=utf-8').send(JSON.stringify(answer)),
  text: (reply, answer) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(answer),
  bytes: (reply, answer, onBroken) => {
    const { bytes, facts } = answer as { bytes: Readable; facts: object };
    bytes.once('error', onBroken);
    return reply.type('application/octet-stream').header(FACTS_HEADER, writeFacts(facts)).send(bytes);
  },
  events: (reply, answer, onBroken) => {
    reply.hijack();
    void writeEvents(reply.raw, answer as AsyncIterable<Event>).catch(onBroken);
  },
};

/** Text of the query becomes the number or truth value that the schema names; a missing body is an empty one. */
function prepare({ asks, upload, http, written }: AnyMethod, request: FastifyRequest): void {
  if (request.body instanceof Readable !== upload) throw wrongType(upload);
  if (http === 'POST' && !upload) request.body ??= {};
  const query = request.query as Record<string, unknown>;
  const last = request.headers['last-event-id'];
  if (written === 'events' && last !== undefined) query.after ??= last;
  for (const [name, { type }] of Object.entries(asks.properties as Record<string, { type?: unknown }>)) {
    const text = query[name];
    if (type === 'integer' && typeof text === 'string' && /^\d{1,15}$/.test(text)) query[name] = Number(text);
    if (type === 'boolean' && (text === 'true' || text === 'false')) query[name] = text === 'true';
  }
}

function wrongType(upload: boolean): LockstepError {
  const type = upload ? UPLOAD_TYPE : 'application/json';
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
