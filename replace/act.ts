import type { ApiClient } from '../api/client.ts';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import type { Json } from '../schema/json.ts';
import { bundleOf, restoreReason } from './conditions.ts';
import type { Facts } from './observe.ts';
import { called, type Letter, type Place, type Plan, planned } from './plan.ts';
import type { Action } from './step.ts';

/** What is told of a bundle after all of it was read. */
export interface KeptBundle {
  kind: 'configuration' | 'certificates';
  unit: { id: string; name: string };
  createdAt: string;
  revision: number;
  digest: string;
  sha256: string;
}

/** The bundles of the folder, and the passphrase of this run, which nothing else knows. */
export interface Bundles {
  /** Makes `bundle` in the folder, replacing one that was not finished; verified when it resolves. */
  make(unit: ApiClient, bundle: string, kind: KeptBundle['kind']): Promise<KeptBundle>;
  /** Copies a file into the folder; verified when it resolves. */
  bring(from: string, bundle: string): Promise<KeptBundle>;
  verify(bundle: string): Promise<KeptBundle>;
  /** Restores it on a scratch unit. */
  drill(unit: ApiClient, bundle: string): Promise<{ records: number }>;
  /** As the old unit. */
  restore(unit: ApiClient, bundle: string, reason: string): Promise<{ revision: number }>;
  restoreCertificates(unit: ApiClient, bundle: string): Promise<{ certificates: number }>;
}

interface Acting {
  plan: Plan;
  unitOf(letter: Letter): ApiClient;
  bundles: Bundles;
  /** Of the steps that were taken. */
  facts(): Partial<Record<string, Facts>>;
  pause(): Promise<void>;
  tell(line: string): void;
}

/** How often the doctor is asked: a busy pair is out of step for moments. */
const DOCTOR_TRIES = 10;

/** A greeting goes out every few seconds. */
const COPY_TRIES = 20;

/** Does what a step says; resolves to what the journal is told. Repeating it is harmless. Throws what the units refuse. */
export async function act(acting: Acting, action: Action): Promise<Facts> {
  const { plan, unitOf, bundles } = acting;
  switch (action.do) {
    case 'backup':
      return backup(acting, action);
    case 'bring': {
      const told = await bundles.bring(action.from, action.bundle);
      assertOf(plan, action.of, action.kind, told);
      return { ...told };
    }
    case 'prefer':
      return {
        revision: (
          await unitOf(action.on).call('change', {
            changes: [{ op: 'set', path: 'ha', field: ['preferredHost'], value: action.host }],
            reason: 'replacement of units',
          })
        ).revision,
      };
    case 'doctor':
      return doctor(acting, action);
    case 'restore': {
      const told = await bundles.verify(action.bundle);
      assertOf(plan, action.of, 'configuration', told);
      const { revision } = await bundles.restore(
        unitOf(action.on),
        action.bundle,
        restoreReason(told.sha256),
      );
      return { bundle: told.sha256, revision };
    }
    case 'restore-certificates':
      return bundles.restoreCertificates(unitOf(action.on), action.bundle);
    case 'pair':
      return pair(acting, action.inviter, action.joiner);
    case 'force-update': {
      const { result, revision, digest, records, ms } = await unitOf(action.on).call('forceUpdate');
      return { result, revision, digest, records, receiptMs: ms };
    }
    case 'takeover': {
      const { role, epoch, partnerSteppedDown } = await unitOf(action.on).call('takeover', {
        force: action.force,
      });
      return { role, epoch, partnerSteppedDown };
    }
    case 'confirm-source': {
      const { confirmed } = await unitOf(action.on).call('confirmSource');
      return { confirmed: confirmed !== null };
    }
    case 'become-first':
      return becomeFirst(acting, action.on);
    case 'become-single':
      return becomeSingle(acting, action.on);
    case 'unpair': {
      const { partner } = await unitOf(action.on).call('unpair');
      return { partner: partner.name, fingerprint: partner.fingerprint };
    }
    case 'restart':
      return restart(acting, action.on, action.partner);
    case 'settle-branches':
      return settleBranches(acting, action.on, action.partner);
    case 'audit':
      return audit(acting, action.on);
  }
}

async function backup(
  { plan, unitOf, bundles }: Acting,
  { of, kind, bundle }: Extract<Action, { do: 'backup' }>,
): Promise<Facts> {
  const told = await bundles.make(unitOf(of), bundle, kind);
  assertOf(plan, of, kind, told);
  if (kind === 'certificates') return { ...told };
  const { records } = await bundles.drill(unitOf(of), bundle);
  return { ...told, drilled: records };
}

/** Another unit's bundle would put two units on one address. */
function assertOf(plan: Plan, letter: Letter, kind: KeptBundle['kind'], told: KeptBundle): void {
  const { id, name } = planned(plan, letter);
  const wrong =
    told.kind !== kind
      ? `is a ${told.kind} bundle, and must be a ${kind} bundle`
      : id !== null && told.unit.id !== id && kind === 'configuration'
        ? `is one of ${told.unit.name} (${told.unit.id}), and must be one of ${name} (${id})`
        : undefined;
  if (wrong === undefined) return;
  throw new LockstepError(
    'replace-step',
    `The bundle for ${called(plan, letter)} ${wrong}. Nothing was changed.`,
    {
      hint: 'Put the right file there, then type lockstep replace run again.',
      facts: { wanted: id, found: told.unit.id },
    },
  );
}

async function doctor(
  { unitOf, pause }: Acting,
  { on, accept }: Extract<Action, { do: 'doctor' }>,
): Promise<Facts> {
  let failures: string[] = [];
  for (let tries = 0; tries < DOCTOR_TRIES; tries++) {
    const { findings, counts } = await unitOf(on).call('doctor', { before: 'replace' });
    const failing = findings.filter(({ outcome }) => outcome === 'failure');
    failures = failing
      .filter(({ code }) => !accept.includes(code))
      .map(({ code, message }) => `${code}: ${message}`);
    const accepted = failing.map(({ code }) => code).filter(code => accept.includes(code));
    if (failures.length === 0) return { ...counts, accepted };
    await unitOf(on)
      .call('forceUpdate')
      .catch(() => undefined); // why not, is among the findings
    await pause();
  }
  throw new LockstepError('replace-step', `The doctor finds: ${failures.join('; ')}.`, {
    hint: 'lockstep doctor --before replace says what to do about each. Then type lockstep replace run again.',
    facts: { failures },
  });
}

/** The old partner makes way by its fingerprint, as the unit says it; its keys and the new ones are told. */
async function pair({ plan, unitOf }: Acting, inviter: Letter, joiner: Letter): Promise<Facts> {
  const [inviting, joining] = [unitOf(inviter), unitOf(joiner)];
  const { partner } = await inviting.call('status');
  const replaces = partner?.fingerprint;
  const { code, host, port, fingerprint } = await inviting.call(
    'invite',
    replaces === undefined ? {} : { replaces },
  );
  const at = { host: hostOf(planned(plan, inviter).place, host), port };
  const paired = await joining.call('join', { ...at, code }).catch(async error => {
    if (await isPartnerOf(joining, fingerprint, error)) return undefined;
    throw error;
  });
  return {
    inviter: fingerprint,
    joiner: paired === undefined ? (replaces ?? null) : (paired.replacedThere?.new ?? null),
    replaced: paired === undefined ? null : (replaces ?? null),
  };
}

/** A run that was killed may have paired them; they need not see each other yet. */
async function isPartnerOf(unit: ApiClient, fingerprint: string, error: unknown): Promise<boolean> {
  if (asLockstepError(error).code !== 'already-paired') return false;
  return (await unit.call('status')).partner?.fingerprint === fingerprint;
}

function hostOf(place: Place, said: string): string {
  if (said !== '0.0.0.0' && said !== '::' && said !== '') return said;
  if ('unit' in place) return place.unit.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return '127.0.0.1';
}

/** The fields that `becomeFirst` sets get what they had. */
async function becomeSingle({ plan, unitOf }: Acting, on: Letter): Promise<Facts> {
  const changes = Object.entries(plan.single ?? {}).flatMap(([path, fields]) =>
    Object.entries(fields).map(([name, value]) => {
      const field = [name];
      return value === null
        ? { op: 'unset' as const, path, field }
        : { op: 'set' as const, path, field, value };
    }),
  );
  const { revision } = await unitOf(on).call('change', {
    changes,
    reason: 'a single unit becomes no pair after all',
  });
  return { revision };
}

async function becomeFirst({ plan, unitOf }: Acting, on: Letter): Promise<Facts> {
  const { mode } = planned(plan, on);
  const { pair: wanted } = plan;
  if (wanted === undefined) throw new LockstepError('internal', 'The plan names no addresses of the pair.');
  const at = `interfaces/${wanted.interface}`;
  const set = (path: string, field: string, value: Json) => ({
    op: 'set' as const,
    path,
    field: [field],
    value,
  });
  const { revision } = await unitOf(on).call('change', {
    changes: [
      set(at, 'sharedAddress', wanted.shared),
      set(at, 'partnerAddress', wanted.partner),
      set(at, 'haChecks', true),
      set('ha', 'mode', mode),
      set('ha', 'virtualId', wanted.virtualId),
      set('ha', 'updateInterface', wanted.interface),
    ],
    reason: 'a single unit becomes a pair',
  });
  return { revision };
}

/**
 * A bundle that was made here is a state that the old pair has gone on from, step by step, so the pair lacks of it only what
 * somebody removed. Of a bundle that somebody brought, that is not known: it is closed only when there is nothing in it to take.
 */
async function settleBranches(acting: Acting, on: Letter, partner: Letter): Promise<Facts> {
  const { unitOf, facts } = acting;
  const unit = unitOf(on);
  await copied(acting, on, partner);
  const { branches } = await unit.call('branches');
  const closed: string[] = [];
  for (const { name: branch, revisions, records, merged } of branches) {
    const step = merged === undefined ? bundleOf(facts(), revisions) : undefined;
    if (step === undefined) continue;
    const reason = `replacement of units: what ${step} holds was restored, and replaced by the update`;
    if (!step.startsWith('backup-')) {
      const { changes, conflicts } = await unit.call('merge', { branch, dryRun: true });
      if (changes.length + conflicts.length > 0) throw undecided(branch, step, records);
    }
    await unit.call('merge', { branch, none: true, reason });
    closed.push(branch);
  }
  return { closed };
}

/** A branch is copied to the partner with one of the next greetings. */
async function copied({ unitOf, pause }: Acting, on: Letter, partner: Letter): Promise<void> {
  for (let tries = 0; tries < COPY_TRIES; tries++) {
    const [here, there] = [await unitOf(on).call('branches'), await unitOf(partner).call('branches')];
    const known = new Set(here.branches.map(({ name }) => name));
    if (there.branches.every(({ name, merged }) => merged !== undefined || known.has(name))) return;
    await pause();
  }
}

function undecided(branch: string, step: string, records: number): LockstepError {
  return new LockstepError(
    'replace-step',
    `The bundle of ${step} was restored, and the update replaced what it held; some of that the pair holds otherwise, or not at all. It is kept as the branch ${branch} (${records} records).`,
    {
      hint: `Look at it with lockstep merge ${branch} --dry-run, then lockstep merge ${branch}, with --none to take nothing of it. Then type lockstep replace run again.`,
      facts: { branch, step, records },
    },
  );
}

/** How often a unit that starts again, or a person who starts it, is looked for. */
const RESTART_TRIES = 600;
/** How often units that see each other again are asked whether they are in step: a busy pair is not for moments. */
const STEP_TRIES = 120;

/**
 * What a unit knows of its pair must be on its disk, and be right there: it ends everything, and starts from what is there.
 * A unit of release 0.1.0 cannot be asked to; a person is.
 */
async function restart(acting: Acting, on: Letter, partner: Letter | undefined): Promise<Facts> {
  const { plan, unitOf, pause, tell } = acting;
  const before = (await unitOf(on).call('status')).unit.startedAt;
  const byHand = await unitOf(on)
    .call('restart')
    .then(() => false)
    .catch((error: unknown) => {
      const known = asLockstepError(error);
      if (known.class === 'unreachable') return false; // it is on its way
      if (known.class !== 'missing') throw known;
      tell(`${called(plan, on)} cannot be asked to start again: type systemctl restart lockstep there.`);
      return true;
    });
  let startedAt = before;
  for (let tries = 0; startedAt === before && tries < RESTART_TRIES; tries++) {
    await pause();
    startedAt = await startOf(unitOf(on), before);
  }
  if (startedAt === before)
    throw new LockstepError('replace-step', `${called(plan, on)} has not started again.`, {
      hint: 'Start it there: systemctl restart lockstep. Then type lockstep replace run again.',
    });
  if (partner !== undefined) await inStepAgain(acting, on, partner);
  return { startedAt, before, byHand };
}

async function startOf(unit: ApiClient, before: string): Promise<string> {
  return unit.call('status').then(
    ({ unit: { startedAt } }) => startedAt,
    () => before,
  );
}

async function inStepAgain({ plan, unitOf, pause }: Acting, on: Letter, partner: Letter): Promise<void> {
  let states: string[] = [];
  for (let tries = 0; tries < STEP_TRIES; tries++) {
    states = await Promise.all(
      [on, partner].map(letter =>
        unitOf(letter)
          .call('status')
          .then(({ sync }) => sync.state)
          .catch((error: unknown) => asLockstepError(error).message),
      ),
    );
    if (states.every(state => state === 'in-step')) return;
    await unitOf(on)
      .call('forceUpdate')
      .catch(() => undefined); // a standby sends none
    await pause();
  }
  throw new LockstepError(
    'replace-step',
    `${called(plan, on)} started again, and is not in step with ${called(plan, partner)}: ${states.join(' and ')}.`,
    { hint: 'lockstep status there says why. Then type lockstep replace run again.' },
  );
}

/** What a commit in this very moment leaves unsent is no fault. */
const HARMLESS = new Set(['not-sent', 'by-design']);
/** How often what is not sent is sent: on a busy pair there is always something. */
const AUDIT_TRIES = 5;

async function audit({ unitOf, pause }: Acting, on: Letter): Promise<Facts> {
  const unit = unitOf(on);
  for (let tries = 1; ; tries++) {
    await unit.call('forceUpdate');
    const { verdict, counts, a, b } = await unit.call('audit', { a: { of: 'local' }, b: { of: 'partner' } });
    const found = Object.keys(counts);
    const bad = found.filter(name => !HARMLESS.has(name));
    if (bad.length > 0)
      throw new LockstepError('replace-step', `The units differ: ${bad.join(', ')}.`, {
        hint: 'lockstep audit names each record. Then type lockstep replace run again.',
        facts: { counts },
      });
    if (!found.includes('not-sent') || tries >= AUDIT_TRIES)
      return { verdict, digest: a.digest, partnerDigest: b.digest };
    await pause();
  }
}
