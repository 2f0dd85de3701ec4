import type { IncomingHttpHeaders } from 'node:http';
import type { Asking } from '../contract/method.ts';

/** A way to the API. It says who comes by it of its own connections, and of no others. */
export interface Door {
  /** undefined: the connection did not come by this door. */
  whoAsks(connection: object, headers: IncomingHttpHeaders): Asking | undefined;
}
