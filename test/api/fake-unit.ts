import type { Handlers } from '../../api/contract/methods.ts';

/** What a route asked the unit for. */
export interface Call {
  method: string;
  request: unknown;
  /** Says that whoever asked has left. */
  left?: AbortSignal;
}

/**
 * Stands at the border of the API only: it tells which method a route reached, and with what. How a unit answers is
 * tested with real units.
 */
export function fakeUnit(calls: Call[], answer: (call: Call) => unknown = () => ({})): Handlers {
  return new Proxy({} as Handlers, {
    get: (_target, method: string) => async (request: unknown, left?: AbortSignal) => {
      const call: Call = { method, request };
      Object.defineProperty(call, 'left', { value: left }); // it is not compared
      calls.push(call);
      return answer(call);
    },
  });
}
