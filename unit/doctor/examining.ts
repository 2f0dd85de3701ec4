import { randomBytes, timingSafeEqual } from 'node:crypto';
import { basename } from 'node:path';
import type { DoctorAnswer } from '../../api/contract/doctor.ts';
import type { Status } from '../../api/contract/status.ts';
import type { DoctorFacts, Step } from '../../audit/doctor/check.ts';
import { countOf, examine } from '../../audit/doctor/doctor.ts';
import { type Examination, MOST, readExamination } from '../../audit/doctor/examination.ts';
import { listBundles } from '../../backup/list.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { asLockstepError, LockstepError, type Problem } from '../../schema/error.ts';
import type { Json, JsonObject } from '../../schema/json.ts';
import type { Store } from '../../store/store.ts';
import type { BalProof } from '../access/bal-proof.ts';
import { readBackupPlan } from '../backups/schedule-plan.ts';
import type { CertificateService } from '../certificates/service.ts';
import type { UnitFolder } from '../folder.ts';
import type { StandingProblems } from '../pair/problems.ts';
import { backupOf, cut, placeOf, stateOf } from './examined-status.ts';
import { answersPing, diskOf, laxPlacesOf, linkOf, listensOn } from './machine-facts.ts';
import { askClockKeepers, clockKept } from './time-sync.ts';

export interface ExaminingOptions {
  store: Store;
  catalog: Catalog;
  folder: UnitFolder;
  /** Of the host key of this unit. */
  fingerprint: string;
  bal: BalProof;
  certificates: Pick<CertificateService, 'examined'>;
  standing: Pick<StandingProblems, 'warnings'>;
  status(): Promise<Status>;
  /** Reject with a LockstepError when the partner is not there. */
  examinePartner(nonce: string): Promise<Json>;
  roundTrip(): Promise<{ ms: number; skewMs: number }>;
  now(): Date;
}

/** So long the partner may take for all of it. */
const PARTNER_MS = 2_500;
const ROUND_TRIPS = 3;

interface Asked {
  /** null: `why` says why not. */
  partner: Examination | null;
  why: string;
  latencyMs: number | null;
  skewMs: number | null;
}

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
      thereUnknown: here.unit.mode === 'single' ? '' : asked.why,
      latencyMs: asked.latencyMs,
      skewMs: asked.skewMs,
      sameBal,
      balUnknown,
      now: this.options.now().getTime(),
    };
  }

  private async askPartner(nonce: string): Promise<Asked> {
    try {
      return await intime(this.exchange(nonce));
    } catch (error) {
      const why = asLockstepError(error).message.replace(/\.$/, '');
      return { partner: null, why, latencyMs: null, skewMs: null };
    }
  }

  /** Latency first: a partner that examines itself does not answer anything else meanwhile. */
  private async exchange(nonce: string): Promise<Asked> {
    const trips = [];
    for (let trip = 0; trip < ROUND_TRIPS; trip++) trips.push(await this.options.roundTrip());
    const best = trips.reduce((one, other) => (other.ms < one.ms ? other : one));
    const partner = readExamination(await this.options.examinePartner(nonce));
    return { partner, why: '', latencyMs: best.ms, skewMs: best.skewMs };
  }

  /** What this unit tells whoever asks with `nonce`. */
  async examination(nonce: string): Promise<Examination> {
    const { catalog, folder, fingerprint, bal } = this.options;
    const read = (path: string): Promise<JsonObject | undefined> => this.read(path);
    const [status, ha, network, time, plan, { interfaces, moreInterfaces }, { broken, rulesLooked }] =
      await Promise.all([
        this.options.status(),
        read('ha'),
        read('network'),
        read('time'),
        readBackupPlan(catalog, read),
        unlessDamaged(this.interfaces(), { interfaces: [], moreInterfaces: 0 }),
        unlessDamaged(this.rules(), { broken: [], rulesLooked: [] }),
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
      unlessDamaged(bal.proof(nonce, unit.id), { set: false, proof: null }),
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
      rules: firstOfEach(broken).slice(0, MOST).map(placeOf),
      rulesLooked,
      moreInterfaces,
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
      space: status.store.space,
      lax: laxPlacesOf(folder).slice(0, MOST),
      certificates: await this.options.certificates.examined(),
      backup: backupOf(status.backup, plan, await this.certificateBundle()),
      bal: balProof,
    };
  }

  private async certificateBundle(): Promise<Examination['backup']['certificateBundle']> {
    const found = (await listBundles(this.options.folder.backups)).find(
      ({ kind, profile }) => kind === 'certificates' && profile !== null,
    );
    return found === undefined ? null : { name: cut(basename(found.file)), at: found.madeAt };
  }

  private read(path: string): Promise<JsonObject | undefined> {
    return unlessDamaged(this.options.store.read(path), undefined);
  }

  private async interfaces(): Promise<Required<Pick<Examination, 'interfaces' | 'moreInterfaces'>>> {
    const found: Examination['interfaces'] = [];
    let more = 0;
    for await (const { path, value } of this.options.store.list('interfaces')) {
      if (found.length === MOST) {
        more++;
        continue;
      }
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
    }
    return { interfaces: found, moreInterfaces: more };
  }

  private async rules(): Promise<{ broken: Problem[]; rulesLooked: string[] }> {
    const { store, standing } = this.options;
    const broken = withoutRepeats([...(await store.brokenRules()), ...standing.warnings()]);
    return { broken, rulesLooked: store.ruleCodes };
  }
}

/** The list that is told is cut: each rule that is broken is in it all the same. */
function firstOfEach(broken: Problem[]): Problem[] {
  const first = new Map<string, Problem>();
  for (const each of broken) if (!first.has(each.code)) first.set(each.code, each);
  const told = new Set(first.values());
  return [...told, ...broken.filter(each => !told.has(each))];
}

/** Found by two looks. */
export function withoutRepeats(problems: Problem[]): Problem[] {
  return [
    ...new Map(
      problems.map(problem => [`${problem.code} ${problem.path} ${problem.message}`, problem]),
    ).values(),
  ];
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** That something is damaged is a finding of its own; it must not keep the rest from being looked at. */
async function unlessDamaged<Value>(work: Promise<Value>, otherwise: Value): Promise<Value> {
  return work.catch((error: unknown) => {
    if (error instanceof LockstepError && error.code === 'damaged-store') return otherwise;
    throw error;
  });
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
