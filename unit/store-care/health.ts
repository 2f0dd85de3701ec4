import { existsSync, readFileSync } from 'node:fs';
import type { Damage } from '../../api/contract/status.ts';
import { removeDurable, writeDurable } from '../../host/durable-file.ts';
import { Turn } from '../../host/turn.ts';
import { LockstepError } from '../../schema/error.ts';
import { DAMAGE_HINT, type Finding, findingIn } from '../../store/damage.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';

const MAX_FINDINGS = 100;

export interface HealthOptions {
  /** Keeps what is known across restarts. */
  file: string;
  events: Events;
  log: Log;
  now(): Date;
}

/**
 * Whether the store is what it must be. Once something was found the unit neither commits nor sends nor takes updates,
 * also after a restart, until it is rebuilt or a whole verification finds nothing any more.
 */
export class Health {
  damage: Damage | undefined;
  /** The disk takes nothing since then; kept by DiskWatch. */
  refused: { since: string; reason: string } | undefined;
  private readonly options: HealthOptions;
  private readonly writing = new Turn();

  private constructor(options: HealthOptions, damage: Damage | undefined) {
    this.options = options;
    this.damage = damage;
  }

  static open(options: HealthOptions): Health {
    if (!existsSync(options.file)) return new Health(options, undefined);
    return new Health(options, readDamage(options.file, options.now()));
  }

  found(foundBy: string, findings: Finding[]): void {
    const { log, now } = this.options;
    const known = new Set(this.damage?.findings.map(({ path }) => path));
    const fresh = findings.filter(({ path }) => !known.has(path));
    if (fresh.length === 0) return;
    const before = this.damage;
    const all = [...(before?.findings ?? []), ...fresh];
    this.damage = {
      since: before?.since ?? now().toISOString(),
      foundBy: before?.foundBy ?? foundBy,
      findings: all.slice(0, MAX_FINDINGS),
      more: (before?.more ?? 0) + Math.max(0, all.length - MAX_FINDINGS),
    };
    for (const { path, reason } of fresh.slice(0, MAX_FINDINGS))
      log.error({ path, reason, foundBy }, 'the store is damaged');
    this.keep();
    if (before === undefined) this.options.events.emit('damaged', this.damage);
  }

  /** A whole verification found nothing. */
  good(): void {
    if (this.damage === undefined) return;
    this.damage = undefined;
    this.options.log.warn({}, 'the store is whole again: a verification found nothing');
    this.keep();
    this.options.events.emit('mended', {});
  }

  /** Throws `damaged-store` once something was found. */
  assertGood(): void {
    if (this.damage === undefined) return;
    const { findings, more, since } = this.damage;
    const [first] = findings;
    const count = findings.length + more;
    throw new LockstepError(
      'damaged-store',
      `The store of this unit is damaged (${first?.path} ${first?.reason}${count > 1 ? `, and ${count - 1} more` : ''}); nothing is changed in it.`,
      { hint: DAMAGE_HINT, facts: { since, findings: count } },
    );
  }

  /** What `read` gives; when it meets damage, that is noted and `otherwise` is given. */
  async whatCanBeRead<Value>(read: () => Promise<Value>, otherwise: Value): Promise<Value> {
    try {
      return await read();
    } catch (error) {
      if (!this.noteOf('a read', error)) throw error;
      return otherwise;
    }
  }

  /** Notes what an error says of the store; whether it says anything. */
  noteOf(foundBy: string, error: unknown): boolean {
    const finding = findingIn(error);
    if (finding !== undefined) this.found(foundBy, [finding]);
    return finding !== undefined;
  }

  /** Resolves when all that was found is on the disk, as far as that takes it. */
  settled(): Promise<void> {
    return this.writing.settled();
  }

  private keep(): void {
    const { file, log } = this.options;
    const { damage } = this;
    const write = () =>
      damage === undefined ? removeDurable(file) : writeDurable(file, `${JSON.stringify(damage, null, 2)}\n`);
    this.writing
      .take(write)
      .catch((error: unknown) =>
        log.error({ reason: String(error) }, 'what is damaged could not be written down'),
      );
  }
}

/** Methods whose errors may speak of the partner's store. */
const OF_THE_PARTNER = new Set(['forceUpdate', 'takeover', 'join', 'audit', 'auditProof']);

/** `face`, whose requests note the damage that they meet. */
export function noting<Face extends object>(face: Face, health: Health): Face {
  return new Proxy(face, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function' || OF_THE_PARTNER.has(String(name))) return method;
      return async (...args: unknown[]): Promise<unknown> => {
        try {
          return await method.apply(target, args);
        } catch (error) {
          health.noteOf('a request', error);
          throw error;
        }
      };
    },
  });
}

function readDamage(file: string, now: Date): Damage {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Damage;
  } catch {
    const findings = [{ path: file, reason: 'says that something is damaged, but cannot be read' }];
    return { since: now.toISOString(), foundBy: 'the start', findings, more: 0 };
  }
}
