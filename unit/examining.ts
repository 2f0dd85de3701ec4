import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { DoctorFacts, Step } from '../audit/doctor/check.ts';
import { countOf, examine } from '../audit/doctor/doctor.ts';
import {
  type Examination,
  MOST,
  MOST_CHARACTERS,
  type Place,
  readExamination,
} from '../audit/doctor/examination.ts';
import type { Catalog } from '../schema/catalog.ts';
import { asLockstepError, LockstepError, type Problem } from '../schema/error.ts';
import type { Json } from '../schema/json.ts';
import type { Store } from '../store/store.ts';
import { type BackupPlan, planFault, readBackupPlan } from './backup-plan.ts';
import type { BalProof } from './bal-proof.ts';
import type { DoctorAnswer } from './doctor-face.ts';
import type { Status } from './face.ts';
import type { UnitFolder } from './folder.ts';
import { answersPing, diskOf, laxPlacesOf, linkOf, listensOn } from './machine-facts.ts';
import { pacifiedSentence } from './start-book.ts';
import { askClockKeepers, clockKept } from './time-sync.ts';

export interface ExaminingOptions {
  store: Store;
  catalog: Catalog;
  folder: UnitFolder;
  /** Of the host key of this unit. */
  fingerprint: string;
  bal: BalProof;
  status(): Promise<Status>;
  /** Reject with a LockstepError when the partner is not there. */
  examinePartner(nonce: string): Promise<Json>;
  roundTrip(): Promise<{ ms: number; skewMs: number }>;
  now(): Date;
}

/** So long the partner may take to examine itself. */
const PARTNER_MS = 2_500;
const ROUND_TRIPS = 3;
const NOBODY = { latencyMs: null, skewMs: null, partner: null };

/** Gathers the facts of this unit and of its partner, and has them judged. */
export class Examining {
  private readonly options: ExaminingOptions;

  constructor(options: ExaminingOptions) {
    this.options = options;
  }

  async doctor(step: Step | undefined): Promise<DoctorAnswer> {
    const started = performance.now();
    const facts = await this.facts();
    const findings = examine(facts, step);
    return {
      before: step ?? null,
      at: this.options.now().toISOString(),
      seconds: Math.round(performance.now() - started) / 1000,
      unit: facts.here.unit.name,
      partner: facts.there?.unit.name ?? null,
      partnerUnknown: facts.thereUnknown,
      counts: countOf(findings),
      findings,
    };
  }

  private async facts(): Promise<DoctorFacts> {
    const nonce = randomBytes(32).toString('hex');
    const [here, asked] = await Promise.all([this.examination(''), this.askPartner(nonce)]);
    const there = asked.partner;
    const expected = there === null ? null : (await this.options.bal.proof(nonce, there.unit.id)).proof;
    const { sameBal, balUnknown } = sameProof(expected, there?.bal.proof ?? null);
    return {
      here,
      there,
      thereUnknown: asked.why,
      latencyMs: asked.latencyMs,
      skewMs: asked.skewMs,
      sameBal,
      balUnknown,
      now: this.options.now().getTime(),
    };
  }

  /** Latency first: a partner that examines itself does not answer anything else meanwhile. */
  private async askPartner(nonce: string): Promise<{
    partner: Examination | null;
    why: string;
    latencyMs: number | null;
    skewMs: number | null;
  }> {
    try {
      const trips = [];
      for (let trip = 0; trip < ROUND_TRIPS; trip++) trips.push(await intime(this.options.roundTrip()));
      const best = trips.reduce((one, other) => (other.ms < one.ms ? other : one));
      const partner = readExamination(await intime(this.options.examinePartner(nonce)));
      return { partner, why: '', latencyMs: best.ms, skewMs: best.skewMs };
    } catch (error) {
      const why = asLockstepError(error).message.replace(/\.$/, '');
      return { ...NOBODY, why };
    }
  }

  /** What this unit tells whoever asks with `nonce`. */
  async examination(nonce: string): Promise<Examination> {
    const { store, catalog, folder, fingerprint, bal } = this.options;
    const [status, ha, network, time, plan, interfaces, broken] = await Promise.all([
      this.options.status(),
      store.read('ha'),
      store.read('network'),
      store.read('time'),
      readBackupPlan(catalog, path => store.read(path)),
      this.interfaces(),
      this.brokenRules(),
    ]);
    const { unit, sync, partner } = status;
    const gateway = textOf(network?.defaultGateway);
    const gatewayV6 = textOf(network?.defaultGatewayV6);
    const asked = gateway ?? gatewayV6;
    const [listening, gatewayAnswers, disk, keepers, balProof] = await Promise.all([
      listensOn(unit.port),
      asked === null ? null : answersPing(asked),
      diskOf(folder.dir),
      askClockKeepers(),
      bal.proof(nonce, unit.id),
    ]);
    return {
      unit: {
        id: unit.id,
        name: unit.name,
        mode: unit.mode,
        role: unit.role,
        model: unit.model,
        release: unit.release,
        schemaDigest: unit.schemaDigest,
        digest: unit.digest,
        fingerprint,
      },
      state: stateOf(status),
      ha: {
        virtualId: typeof ha?.virtualId === 'number' ? ha.virtualId : null,
        preferredHost: (ha?.preferredHost ?? 'none') as Examination['ha']['preferredHost'],
      },
      network: { gateway, gatewayV6, gatewayAnswers },
      interfaces,
      rules: broken.slice(0, MOST).map(placeOf),
      connection: {
        port: unit.port,
        listening,
        reaches: partner?.seen ?? false,
        because: cut(sync.sentence),
        refusal: sync.refusal?.code ?? null,
        pinned: partner?.fingerprint ?? null,
      },
      time: {
        ...clockKept(keepers),
        zone: String(time?.timeZone ?? 'UTC'),
        servers: Array.isArray(time?.ntpHosts) ? time.ntpHosts.map(String).slice(0, MOST) : [],
      },
      disk,
      lax: laxPlacesOf(folder).slice(0, MOST),
      backup: backupOf(status.backup, plan),
      bal: balProof,
    };
  }

  private async interfaces(): Promise<Examination['interfaces']> {
    const found: Examination['interfaces'] = [];
    for await (const { path, value } of this.options.store.list('interfaces')) {
      const name = path.slice('interfaces/'.length);
      found.push({
        name,
        address: textOf(value.address),
        prefix: typeof value.prefix === 'number' ? value.prefix : null,
        partnerAddress: textOf(value.partnerAddress),
        sharedAddress: textOf(value.sharedAddress),
        haChecks: value.haChecks === true,
        purpose: (value.purpose ?? 'production') as Examination['interfaces'][number]['purpose'],
        link: await linkOf(name),
      });
      if (found.length === MOST) break;
    }
    return found;
  }

  private async brokenRules(): Promise<Problem[]> {
    const { store } = this.options;
    return [...(await store.brokenRules('error')), ...(await store.brokenRules('warning'))];
  }
}

function stateOf({
  unit,
  sync,
  store,
  takeover,
  files,
  branches,
  provisional,
}: Status): Examination['state'] {
  return {
    sync: sync.state,
    sentence: cut(sync.sentence),
    inStep: sync.inStep,
    unsent: sync.missing?.revisions ?? null,
    heldBack: sync.heldBack?.records ?? 0,
    branches: branches.length,
    pacified: maybe(unit.pacified, pacifiedSentence),
    damaged: maybe(store.damage?.findings[0], ({ path, reason }) => `${path} ${reason}`),
    unconfirmed: maybe(unit.unconfirmed, ({ by, why }) => `restored by ${by}: ${why}`),
    paused: maybe(sync.pause, ({ by, reason }) => `paused by ${by}: ${reason}`),
    provisional: maybe(
      provisional,
      ({ author, reason, secondsLeft }) => `a change of ${author} is undone in ${secondsLeft} s: ${reason}`,
    ),
    readiness: takeover && {
      ...takeover,
      findings: takeover.findings.map(each => ({ ...placeOf(each), fails: each.fails })),
    },
    files: files
      .slice(0, MOST)
      .map(({ code, file, reason }) => placeOf({ code, path: file, message: reason })),
  };
}

function backupOf({ schedule, lastRun, drill }: Status['backup'], plan: BackupPlan): Examination['backup'] {
  return {
    method: schedule?.method ?? null,
    day: plan.times.day,
    lastRunAt: lastRun?.at ?? null,
    lastRunFault: maybe(lastRun?.reason, String),
    drillAt: drill.last?.at ?? null,
    drillFault: maybe(drill.last?.reason, String),
    provedName: drill.passed?.name ?? null,
    provedAt: drill.passed?.at ?? null,
    passphrase: plan.passphrase !== undefined,
    fault: planFault(plan)?.message ?? null,
  };
}

function placeOf({ code, path, message }: Problem): Place {
  return { code, path: cut(path), message: cut(message) };
}

function cut(text: string): string {
  return text.slice(0, MOST_CHARACTERS);
}

/** `sentence` of something that may not be there. */
function maybe<Thing>(thing: Thing | null | undefined, sentence: (thing: Thing) => string): string | null {
  return thing === null || thing === undefined ? null : cut(sentence(thing));
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function sameProof(own: string | null, partner: string | null): Pick<DoctorFacts, 'sameBal' | 'balUnknown'> {
  if (own === null || partner === null)
    return {
      sameBal: null,
      balUnknown: `${own === null ? 'this unit' : 'the partner'} got its password before the units were paired, or as a hash`,
    };
  const [one, other] = [Buffer.from(own), Buffer.from(partner)];
  return { sameBal: one.length === other.length && timingSafeEqual(one, other), balUnknown: '' };
}

async function intime<Result>(work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new LockstepError(
            'partner-unreachable',
            `The partner did not answer within ${PARTNER_MS / 1000} s.`,
          ),
        ),
      PARTNER_MS,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
