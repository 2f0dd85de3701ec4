/** What is wrong with the connections of a pair that works, and with what the two units are to each other. */
import type { LockstepError, Problem } from '../../schema/error.ts';
import { type HaFacts, strangers, words } from '../../sync/fit.ts';
import type { Link } from '../../sync/link.ts';
import { contradicting } from '../../sync/pair-state.ts';
import type { SyncState } from '../../sync/state.ts';
import type { PairAddresses } from './addresses.ts';

export interface LineFacts {
  name: string;
  addresses: PairAddresses;
  /** Where the records say that the partner is, where they do. */
  record: { path: string; host: string } | undefined;
  via: Link['via'];
  notDialled: LockstepError | undefined;
  /** Where the partner is linked. */
  partnerHost: string | undefined;
  notListening: LockstepError | undefined;
  syncState: SyncState | undefined;
}

export function lineWarnings(facts: LineFacts): Problem[] {
  const { addresses, notListening, syncState } = facts;
  const own = `${addresses.update?.path ?? 'interfaces'}/address`;
  return [
    ...(notListening === undefined
      ? []
      : [problem('address-missing', own, notListening.message, notListening.hint)]),
    ...(facts.via === undefined ? [] : dialWarnings(facts)),
    ...(syncState === undefined ? [] : misfitWarnings(facts.name, addresses.facts, syncState)),
  ];
}

function dialWarnings({ name, record, via, notDialled, partnerHost }: LineFacts): Problem[] {
  const path = record === undefined ? 'ha/updateInterface' : `${record.path}/partnerAddress`;
  if (via?.dialled === false && notDialled !== undefined)
    return [
      problem(
        'partner-not-dialled',
        path,
        `the pair works over the connection that ${name} made from ${via.remote.address}; this unit cannot dial it: ${notDialled.message}`,
        `If ${name} has moved: lockstep pair ${via.remote.address}. Otherwise look at the network between them.`,
      ),
    ];
  if (record === undefined || partnerHost === undefined || partnerHost === record.host) return [];
  return [
    problem(
      'partner-address',
      path,
      `it says ${record.host}, and ${name} is reached at ${partnerHost}`,
      `lockstep set ${path} ${partnerHost}`,
    ),
  ];
}

function misfitWarnings(name: string, own: HaFacts, state: SyncState): Problem[] {
  const theirs = state.link === 'up' ? state.partner?.ha : undefined;
  if (theirs === undefined) return [];
  return [
    ...contradicting(state).map(misfit =>
      problem(
        'pair-misfit',
        misfit.path,
        `${name} has another ${words([misfit])}; the first update overwrites that of the standby`,
        'Make them equal on the active unit before Force Update, or let it be overwritten.',
      ),
    ),
    ...strangers(own, theirs).map(misfit =>
      problem(
        'pair-misfit',
        misfit.path,
        `it does not go together with ${name}: ${words([misfit])}`,
        'Both units have an address of their own in one network on each interface with a shared address.',
      ),
    ),
  ];
}

function problem(code: string, path: string, message: string, hint: string | undefined): Problem {
  return { code, path, message, ...(hint === undefined ? {} : { hint }) };
}
