import type { UnitFace } from '../../unit/contract.ts';

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
export function fakeUnit(calls: Call[], answer: (call: Call) => unknown = () => ({})): UnitFace {
  return new Proxy({} as UnitFace, {
    get: (_target, method: string) => async (request: unknown, left?: AbortSignal) => {
      const call: Call = { method, request, ...(left && { left }) };
      calls.push(call);
      return answer(call);
    },
  });
}
