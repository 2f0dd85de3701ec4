import { makeDeadline } from '../../host/deadline.ts';
import type { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { ProvisionalTerms } from '../../store/requests.ts';
import type { CommitResult } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import type { Random } from '../random.ts';
import type { Ledger } from './ledger.ts';
import type { SimulatedUnit } from './simulated-unit.ts';

/** Whatever belongs to one unit alone is spelled with one of these, and nothing else is. */
export const MARKS = ['unitonly', 'UNITONLY', 'fd00:dead'];

/** Types commands, on whichever unit; is told the truth about what became of them, or nothing at all. */
export class Operator {
  private readonly random: Random;
  private readonly ledger: Ledger;
  private readonly log: (line: string) => void;
  private counter = 0;

  constructor(random: Random, ledger: Ledger, log: (line: string) => void) {
    this.random = random;
    this.ledger = ledger;
    this.log = log;
  }

  /** What a unit holds when it is set up; typed again until it does. */
  async init(unit: SimulatedUnit): Promise<void> {
    const commit = this.commit(unit, 'init', [
      put('host', { hostname: this.mark() }),
      put('ha', { mode: unit.mode }),
      put('interfaces/eth0', { address: this.ownAddress(), haChecks: true }),
      put('users/bal', {}),
    ]);
    if (!(await commit)) return this.init(unit);
    unit.firstRevision = unit.process?.store.head.revision ?? 1;
    unit.disk.images = []; // `lockstep init` makes all of this at once: no disk holds the half of it
  }

  shared(unit: SimulatedUnit): Promise<boolean> {
    const changes = Array.from({ length: this.random.between(1, 3) }, () => this.sharedChanges()).flat();
    if (this.random.chance(0.2)) changes.push(this.ownChange());
    return this.commit(unit, 'change', changes);
  }

  own(unit: SimulatedUnit): Promise<boolean> {
    return this.commit(unit, 'change', [this.ownChange()]);
  }

  rollback(unit: SimulatedUnit): Promise<boolean> {
    return this.type(unit, 'rollback', async ({ store }) => {
      const { disk } = unit;
      const to = Math.max(unit.firstRevision, store.head.revision - this.random.between(1, 5));
      const before = store.head.revision;
      const { revision, digest } = await store.rollback(to, { author: 'ada', reason: 'back' });
      if (revision > before) this.ledger.acknowledge(disk, revision, digest);
      return `${revision} is what ${to} was`;
    });
  }

  forceUpdate(unit: SimulatedUnit): Promise<boolean> {
    return this.type(unit, 'force-update', async ({ link }) => (await link.forceUpdate()).result);
  }

  pause(unit: SimulatedUnit): void {
    if (unit.process?.store.head.role !== 'active') return;
    unit.pause = { by: 'ada', reason: 'typed', since: '', until: null };
    this.log(`${unit.name}$ pause`);
    unit.process.link.ownChanged();
  }

  resume(unit: SimulatedUnit): void {
    if (unit.pause === undefined) return;
    unit.pause = undefined;
    this.log(`${unit.name}$ resume`);
    unit.process?.link.ownChanged();
  }

  /** Saves a file, whether the unit runs or not; never on top of what was saved and not taken. */
  edit(unit: SimulatedUnit): void {
    const { disk } = unit;
    const name = this.random.pick(disk.files?.names().filter(isEdited) ?? []);
    const file = name === undefined ? undefined : disk.files?.read(name);
    if (name === undefined || file === undefined || file.work !== undefined) return;
    const [work, field] = [`edit-${++this.counter}`, name.startsWith('virtual') ? 'nickname' : 'description'];
    let value: JsonObject;
    try {
      value = JSON.parse(file.text) as JsonObject;
    } catch {
      return; // torn
    }
    this.log(`${unit.name}$ $EDITOR ${name}: ${work}`);
    this.ledger.saved(disk, work);
    const text = `${JSON.stringify({ ...value, [field]: work }, null, 2)}\n`;
    disk.files?.write(name, { text, at: unit.wallClock(), work });
    unit.process?.mirror?.noticed(name);
  }

  /** Nobody types it, but it goes on at any time. */
  prune(unit: SimulatedUnit): Promise<boolean> {
    const most = this.random.between(1, 4);
    return this.type(unit, 'prune', async () => `${await unit.prune(most)} is the oldest revision`);
  }

  /** Puts back something old, which nobody has looked at. */
  restore(unit: SimulatedUnit): Promise<boolean> {
    return this.commit(unit, 'restore', this.sharedChanges());
  }

  confirmSource(unit: SimulatedUnit): Promise<boolean> {
    return this.type(unit, 'confirm-source', async ({ store, link }) => {
      const confirmed = await store.confirmSource();
      link.ownChanged();
      return confirmed === undefined ? 'nothing to confirm' : 'confirmed';
    });
  }

  /** A change that is undone by itself, on whichever unit is active then. */
  provisional(unit: SimulatedUnit): Promise<boolean> {
    const minutes = this.random.pick([0.2, 1, 3]);
    const changes = this.random.chance(0.3) ? [this.ownChange()] : this.sharedChanges();
    return this.commit(unit, 'change', changes, {
      minutes,
      deadline: makeDeadline(minutes * 60_000, unit.clock()),
    });
  }

  confirm(unit: SimulatedUnit): Promise<boolean> {
    return this.type(unit, 'confirm', async ({ store, link }) => {
      const { provisional } = await store.confirm();
      link.ownChanged();
      link.due();
      return `what ${provisional.author} changed at ${provisional.at}`; // its id is no two times the same
    });
  }

  /** Whatever both sides changed is decided for one of them. */
  merge(unit: SimulatedUnit): Promise<boolean> {
    return this.type(unit, 'merge', async ({ store }) => {
      const [branch] = store.branches.open();
      const side = this.random.pick(['ours', 'theirs'] as const);
      if (branch === undefined) return 'nothing to merge';
      const before = store.head.revision;
      const made = await store.merge({ branch, choose: () => side, author: 'ada', reason: 'typed' });
      if (made.revision > before) this.ledger.acknowledge(unit.disk, made.revision, made.digest);
      return `${branch}: revision ${made.revision}, ${made.digest.slice(0, 8)}`;
    });
  }

  async takeOver(unit: SimulatedUnit, force: boolean): Promise<void> {
    const { process } = unit;
    const typed = { force, cutOff: process?.link.state.link === 'down' };
    if (process !== undefined) unit.takeovers.add(typed);
    await this.type(unit, `takeover${force ? ' --force' : ''}`, async ({ link }) => {
      const { epoch, partnerSteppedDown } = await link.takeOver(force);
      return `active in epoch ${epoch}${partnerSteppedDown ? ', the partner stepped down' : ''}`;
    });
    unit.takeovers.delete(typed);
  }

  private commit(
    unit: SimulatedUnit,
    kind: 'init' | 'change' | 'restore',
    changes: Change[],
    provisional?: ProvisionalTerms,
  ): Promise<boolean> {
    return this.type(unit, 'commit', async ({ store }) => {
      const { disk } = unit;
      const how = { author: 'ada', reason: 'typed', unconfirmed: kind === 'restore', provisional };
      const made: CommitResult = await store.commit({ changes, kind, ...how });
      if (made.changes.length > 0) this.ledger.acknowledge(disk, made.revision, made.digest);
      return `revision ${made.revision}, ${made.digest.slice(0, 8)}`;
    });
  }

  /** Resolves to whether it was done; never, when the unit crashes meanwhile. */
  private async type(
    unit: SimulatedUnit,
    command: string,
    act: (process: NonNullable<SimulatedUnit['process']>) => Promise<string>,
  ): Promise<boolean> {
    const { process } = unit;
    if (process === undefined) return false;
    this.log(`${unit.name}$ ${command}`);
    try {
      this.log(`${unit.name}$ ${command}: ${await act(process)}`);
      return true;
    } catch (thrown) {
      const error = thrown as LockstepError;
      if (error.code === 'internal' || error.code === undefined)
        this.ledger.breaks(`${command} on ${unit.name} failed: ${error.stack ?? error.message}`);
      this.log(`${unit.name}$ ${command}: refused: ${error.code}`);
      return false;
    }
  }

  /** Most can be done whatever is there; the others are refused now and then, which is as good. */
  private sharedChanges(): Change[] {
    const { random } = this;
    const word = `word-${++this.counter}`;
    const [service, port] = [this.service(), `eth${random.between(0, 2)}`];
    const real = `${service}/realServers/10.2.0.${random.between(1, 3)}:8080`;
    return random.weighted<() => Change[]>([
      [4, () => [this.newAddress()]],
      [4, () => [put(service, { nickname: word })]],
      [2, () => [set(service, 'nickname', word), put(real, { weight: this.counter })]],
      [2, () => [set(`interfaces/${port}`, 'description', word)]],
      [2, () => [put(`interfaces/${port}`, { description: word, address: this.ownAddress() })]],
      [2, () => [set('users/bal', 'comment', word)]],
      [2, () => [set('dns', 'updateInterval', random.between(1, 50))]],
      [1, () => [set('users/bal', 'comment', word), { op: 'unset', path: 'users/bal', field: ['comment'] }]],
      [2, () => [put(service, {}), { op: 'remove', path: service }]],
      [
        1,
        () => [{ op: 'remove', path: random.pick(['hosts', 'virtualServices', 'users', 'interfaces/eth2']) }],
      ],
    ])();
  }

  private ownChange(): Change {
    return this.random.weighted<() => Change>([
      [2, () => put('host', { hostname: this.mark() })],
      [2, () => set(`interfaces/eth${this.random.between(0, 2)}`, 'address', this.ownAddress())],
      [1, () => set('dns', 'searchDomains', [`${this.mark()}.example`])],
      [2, () => set('users/bal', 'passwordHash', this.ownPassword())],
    ])();
  }

  private newAddress(): Change {
    const { counter, random } = this;
    return put(`hosts/app-${random.between(1, 6)}`, { address: `10.${counter >> 8}.${counter & 255}.1` });
  }

  private service(): string {
    return `virtualServices/tcp:10.1.0.${this.random.between(1, 3)}:443`;
  }

  private mark(): string {
    return `unitonly-${++this.counter}`;
  }

  private ownAddress(): string {
    return `fd00:dead:1:${(0x1000 + ++this.counter).toString(16)}:1000:1001:1002:1003`;
  }

  private ownPassword(): string {
    const salt = `UNITONLY${String(++this.counter).padStart(14, '0')}`;
    return `$scrypt$ln=15,r=8,p=1$${salt}$${'a'.repeat(43)}`;
  }
}

/** Kinds of which one text can be changed whatever the rest is. */
function isEdited(name: string): boolean {
  return name.startsWith('virtualServices/') || name.startsWith('interfaces/');
}

function put(path: string, value: JsonObject): Change {
  return { op: 'put', path, value };
}

function set(path: string, field: string, value: JsonObject[string]): Change {
  return { op: 'set', path, field: [field], value };
}
