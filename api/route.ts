import type { JsonObject } from '../schema/json.ts';
import type { OperatorRole, UnitFace } from '../unit/contract.ts';

/** What a handler gets; query and body were checked against the schemas of the route. */
export interface RouteInput {
  query: unknown;
  body: unknown;
  author: string;
  role: OperatorRole;
  /** Of a heavy route: aborted when whoever asks has left, since nobody else waits for the work. */
  left: AbortSignal;
}

/** One route is one method of the unit. */
export interface Route {
  method: 'GET' | 'POST';
  url: string;
  summary: string;
  /** The least role that an operator must have. */
  needs: OperatorRole;
  query?: JsonObject;
  body?: JsonObject;
  answer: JsonObject;
  /** Its body or its answer may be as big as the configuration, so operators do this one at a time. */
  heavy?: boolean;
  /** The body is a file, which the method reads as it comes; `body` is not looked at. */
  upload?: boolean;
  /** Default: JSON. */
  type?: string;
  call(unit: UnitFace, input: RouteInput): Promise<unknown>;
}

/** What a route's body says: everything but who asks. */
export type Body<Request> = Omit<Request, 'author' | 'role'>;
export type Arguments<Method extends (request: never, ...more: never[]) => unknown> = Body<
  Parameters<Method>[0]
>;
