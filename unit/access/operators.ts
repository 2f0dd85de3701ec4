/** Who may work on this unit from elsewhere: the records of operators, kept at hand because a login cannot wait for the store. */
import type { Duplex } from 'node:stream';
import type { OperatorRole } from '../../api/contract/method.ts';
import type { Operator, ServeOperator } from '../../api/contract/roles.ts';
import { Turn } from '../../host/turn.ts';
import type { ConfigRecord } from '../../schema/document.ts';
import { sshKeyBlob } from '../../schema/ssh-key.ts';
import type { Store } from '../../store/store.ts';
import type { Peer } from '../../sync/ssh/server.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';
import type { Health } from '../store-care/health.ts';

/** The later collection counts where both hold a key: a unit decides about itself. */
const COLLECTIONS = ['operators', 'unitOperators'] as const;

export interface OperatorsOptions {
  store: Store;
  health: Health;
  events: Events;
  log: Log;
}

export class Operators {
  readonly #options: OperatorsOptions;
  /** Records by path. */
  readonly #records = new Map<string, Operator & { publicKey: string }>();
  /** By public key in base64. */
  #byKey = new Map<string, { who: string; operator: Operator }>();
  readonly #unwatch: () => void;
  readonly #reading = new Turn();

  private constructor(options: OperatorsOptions) {
    this.#options = options;
    this.#unwatch = options.store.watch((_revision, paths) => this.#committed(paths));
  }

  static async open(options: OperatorsOptions): Promise<Operators> {
    const operators = new Operators(options);
    await options.health.whatCanBeRead(() => operators.#readAll(), undefined);
    return operators;
  }

  stop(): void {
    this.#unwatch();
  }

  /** What the listener calls whose key this is; undefined: nobody's. */
  admit(keyBlob: Buffer): string | undefined {
    return this.#byKey.get(keyBlob.toString('base64'))?.who;
  }

  /** A stream of somebody who was admitted. */
  take(stream: Duplex, { keyBlob, who, address }: Peer, serve: ServeOperator): void {
    const found = this.#byKey.get(keyBlob.toString('base64'));
    // Who they were at the login is all that they may be.
    if (found === undefined || found.who !== who) {
      stream.destroy();
      return;
    }
    this.#options.log.debug({ operator: found.operator.name, source: address }, 'operator asks');
    serve(stream, found.operator);
  }

  #committed(paths: string[]): void {
    const touched = paths.filter(path => COLLECTIONS.some(collection => path.startsWith(`${collection}/`)));
    if (touched.length === 0) return;
    this.#reading
      .take(() => this.#read(touched))
      .catch(error => this.#options.log.error({ reason: String(error) }, 'operators cannot be read'));
  }

  async #readAll(): Promise<void> {
    for (const collection of COLLECTIONS)
      for await (const record of this.#options.store.list(collection)) this.#keep(record);
    this.#index();
  }

  async #read(paths: string[]): Promise<void> {
    for (const path of paths) {
      const value = await this.#options.store.read(path);
      if (value === undefined) this.#records.delete(path);
      else this.#keep({ path, value });
    }
    this.#index();
  }

  #keep({ path, value }: Pick<ConfigRecord, 'path' | 'value'>): void {
    const { publicKey, role } = value as { publicKey: string; role: OperatorRole };
    this.#records.set(path, { name: path.slice(path.indexOf('/') + 1), role, publicKey });
  }

  /** Whoever is no longer admitted, or only as somebody else, loses their connections. */
  #index(): void {
    const before = this.#byKey;
    this.#byKey = new Map();
    for (const collection of COLLECTIONS) {
      for (const [path, { publicKey, name, role }] of this.#records) {
        if (!path.startsWith(`${collection}/`)) continue;
        const key = sshKeyBlob(publicKey).toString('base64');
        this.#byKey.set(key, { who: `${role} ${path}`, operator: { name, role } });
      }
    }
    for (const [key, { who, operator }] of before) {
      if (this.#byKey.get(key)?.who === who) continue;
      this.#options.log.info({ operator: operator.name }, 'operator is no longer admitted as before');
      this.#options.events.emit('operatorGone', { name: operator.name, who });
    }
  }
}
