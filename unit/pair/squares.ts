import type { Square } from '../../api/contract/status.ts';
import type { Head } from '../../store/store.ts';
import { hasFallenBack } from '../../sync/fall-back.ts';
import type { Hello } from '../../sync/message.ts';
import { misfitWords, type UnitState } from '../../sync/pair-state.ts';
import type { StatusFacts } from './status-facts.ts';
import { stateName } from './sync-status.ts';

/** Left is HA1, right is HA2 (docs/DOMAIN.md, Status squares). */
export function squares(facts: StatusFacts): Square[] {
  const { identity, head, syncState } = facts;
  if (identity.mode === 'single') return [];
  const state = stateName(facts);
  const own = identity.mode === 'first' ? 'HA1' : 'HA2';
  const partner = own === 'HA1' ? 'HA2' : 'HA1';
  const name = facts.partner?.name;
  const between = stateName({ ...facts, store: { ...facts.store, damage: null } });
  const misfit = state === 'pacified' || state === 'damaged' ? '' : misfitWords(syncState);
  if (misfit !== '') return misfitSquares([own, partner], head, syncState?.partner, name, misfit);
  const pair = [
    { unit: own, ...ownSquare(state, facts) } as Square,
    { unit: partner, ...partnerSquare(between, syncState?.partner, name) } as Square,
  ];
  return pair.sort((a, b) => (a.unit < b.unit ? -1 : 1));
}

/** Two units that are no pair yet. */
function misfitSquares(
  [own, other]: ['HA1' | 'HA2', 'HA1' | 'HA2'],
  { role }: Head,
  hello: Hello | undefined,
  name: string | undefined,
  misfit: string,
): Square[] {
  const pair: Square[] = [
    { unit: own, colour: 'grey', active: role === 'active', sentence: `this unit; no pair yet: ${misfit}` },
    {
      unit: other,
      colour: 'grey',
      active: hello?.role === 'active',
      sentence: `${name ?? 'the partner'}; no pair yet: ${misfit}`,
    },
  ];
  return pair.sort((a, b) => (a.unit < b.unit ? -1 : 1));
}

function ownSquare(state: UnitState, { head, store, syncState }: StatusFacts): Omit<Square, 'unit'> {
  const { role } = head;
  const damagedHere = store.damage !== null;
  if (state === 'pacified')
    return { colour: 'blue', active: false, sentence: 'this unit; pacified: it takes part in nothing' };
  if (state === 'unpaired')
    return { colour: 'grey', active: false, sentence: 'this unit; set-up is incomplete: not paired yet' };
  if (state === 'damaged' && damagedHere)
    return { colour: 'blue', active: role === 'active', sentence: 'this unit; its store is damaged' };
  if (state === 'both-active')
    return { colour: 'grey', active: true, sentence: 'this unit; both units are active' };
  if (state === 'fallen-back' && syncState !== undefined && hasFallenBack(syncState))
    return { colour: 'grey', active: role === 'active', sentence: 'this unit; its disk fell back' };
  return { colour: 'green', active: role === 'active', sentence: `this unit; up, ${role}` };
}

function partnerSquare(
  state: UnitState,
  hello: Hello | undefined,
  name: string | undefined,
): Omit<Square, 'unit'> {
  const who = name ?? 'the partner';
  if (state === 'unpaired' || name === undefined)
    return { colour: 'red', active: false, sentence: 'not paired' };
  if (state === 'pacified') return { colour: 'red', active: false, sentence: `${who}; not looked for` };
  if (state === 'unreachable' && hello?.pacified === true)
    return { colour: 'blue', active: false, sentence: `${who}; pacified: it takes part in nothing` };
  if (state === 'unreachable')
    return { colour: 'red', active: false, sentence: `${who}; unreachable or off` };
  if (state === 'greeting') return { colour: 'updating', active: false, sentence: `${who}; connecting` };
  if (state === 'both-active')
    return { colour: 'grey', active: true, sentence: `${who}; both units are active` };
  if (hello?.damaged)
    return { colour: 'blue', active: hello.role === 'active', sentence: `${who}; its store is damaged` };
  if (state === 'fallen-back' && hello?.fellBack !== undefined)
    return { colour: 'grey', active: hello.role === 'active', sentence: `${who}; its disk fell back` };
  const unwritten = hello?.files?.unwritten ?? 0;
  const files = unwritten === 0 ? '' : `; ${unwritten} ${unwritten === 1 ? 'file' : 'files'} not written`;
  return {
    colour: 'green',
    active: hello?.role === 'active',
    sentence: `${who}; up, ${hello?.role ?? 'unknown'}${files}`,
  };
}
