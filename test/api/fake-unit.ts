import type { UnitFace } from '../../unit/face.ts';

/** What a route asked the unit for. */
export interface Call {
  method: string;
  request: unknown;
}

/**
 * Stands at the border of the API only: it tells which method a route reached, and with what. How a unit answers is
 * tested with real units.
 */
export function fakeUnit(calls: Call[], answer: (call: Call) => unknown = () => ({})): UnitFace {
  return new Proxy({} as UnitFace, {
    get: (_target, method: string) => async (request: unknown) => {
      const call = { method, request };
      calls.push(call);
      return answer(call);
    },
  });
}
