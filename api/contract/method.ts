/** What a method of the API is. */
import type { Readable } from 'node:stream';
import type { JsonObject } from '../../schema/json.ts';
import { type Of, object, type Schema } from './schema.ts';

/** Each may do what those before it may. */
export const OPERATOR_ROLES = ['read', 'operate', 'admin'] as const;
export type OperatorRole = (typeof OPERATOR_ROLES)[number];

export interface Method<Asked, Answer> {
  http: 'GET' | 'POST';
  path: string;
  /** In one sentence, without its end. */
  doc: string;
  /** The least role that an operator must have. */
  role: OperatorRole;
  /** Query of a GET, body of a POST. */
  asks: Schema<Asked>;
  answer: Schema<Answer>;
  /** It changes nothing: whoever got no answer may ask again. Every GET is one. */
  question: boolean;
  /** Its body or its answer may be as big as the configuration, so operators do this one at a time. */
  heavy: boolean;
  /** The body is a file, which the method reads as it comes. */
  upload: boolean;
  /** What the answer is written as. `bytes`: a file, with what it is in a header. `events`: told one by one, until either side ends it. */
  written: 'json' | 'bytes' | 'text' | 'events';
  /** Of a request. */
  example: JsonObject | undefined;
}

interface More<Asked> {
  asks?: Schema<Asked>;
  question?: true;
  heavy?: true;
  upload?: true;
  written?: 'bytes' | 'text' | 'events';
  example?: JsonObject;
}

type Nothing = Record<never, never>;

/** `where`: `GET /v1/status`. */
export function method<Answer, Asked = Nothing>(
  where: `${'GET' | 'POST'} /${string}`,
  role: OperatorRole,
  doc: string,
  answer: Schema<Answer>,
  more: More<Asked> = {},
): Method<Asked, Answer> {
  const [http, path] = where.split(' ') as ['GET' | 'POST', string];
  const { asks = object({}) as unknown as Schema<Asked>, written = 'json', example } = more;
  const { question = http === 'GET', heavy = false, upload = false } = more;
  return { http, path, doc, role, asks, answer, question, heavy, upload, written, example };
}

/** An answer that is a file: its bytes, and what it is. */
export interface FileAnswer<Facts> {
  facts: Facts;
  /** Ends early, with an error, when it can no longer be read. */
  bytes: Readable;
}

/** Who asks, and what they may. */
export interface Asking {
  /** Of every change that comes of it. */
  author: string;
  role: OperatorRole;
}

/** A request as the unit gets it. `left`: nobody waits for the answer any more; aborted for heavy methods and events only. */
export type Handler<Asked, Answer> = (asked: Asked & Asking, left: AbortSignal) => Promise<Answer>;

// biome-ignore lint/suspicious/noExplicitAny: any method
export type AnyMethod = Method<any, any>;
export type AskedOf<Each extends AnyMethod> = Of<Each['asks']>;
/** `AskedOf` with who asks; without a role, they may do what the role operate may. */
export type RequestOf<Each extends AnyMethod> = AskedOf<Each> & { author: string; role?: OperatorRole };
