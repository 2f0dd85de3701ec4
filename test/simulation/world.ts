import type { HaMode } from '../../sync/message.ts';
import { kindOfFrame } from '../../sync/message-format.ts';
import { Random } from '../random.ts';
import { Disk } from './disk.ts';
import { Files } from './files.ts';
import { Ledger } from './ledger.ts';
import { type Line, Network } from './network.ts';
import { MARKS, Operator } from './operator.ts';
import {
  type Caller,
  type Process,
  SimulatedUnit,
  type Surroundings,
  unreachable,
} from './simulated-unit.ts';
import { VirtualTime } from './virtual-time.ts';

/** A unit that is no member of the pair any more, and does not know it. */
export interface Retired {
  unit: SimulatedUnit;
  /** Whether the pair went on under the identity that this unit knows. */
  identity: 'kept' | 'new';
  since: number;
  /** Nobody reaches it, and it reaches nobody. */
  away: boolean;
}

/** What was said on one line by who dialled. */
export interface Said {
  by: string;
  frames: Buffer[];
}

/** As many lines are remembered. */
const REMEMBERED = 12;
/** What was asked before a unit was given up may still be answered so long after, milliseconds. */
const GRACE_MS = 1_000;
/** Far from every seed. */
const ROOMS = 1_000_000_007;

/** Everything that there is in one run: the pair, who types, the unit that was replaced, and the network between them. */
export class World {
  readonly random: Random;
  readonly time = new VirtualTime();
  readonly log: string[] = [];
  readonly ledger: Ledger;
  readonly network: Network;
  readonly operator: Operator;
  readonly pair: [SimulatedUnit, SimulatedUnit];
  retired: Retired | undefined;
  /** Units whose calls do not get through. */
  readonly blocked = new Set<SimulatedUnit>();
  readonly said: Said[] = [];
  private readonly saidOn = new WeakMap<Line, Said>();
  private readonly around: Surroundings;
  private made = 0;
  /** Units let go of old revisions. Drawn apart, so that all else of a run goes as it would without. */
  readonly prunes: boolean;
  /** Units have files, which a power cut brings back as they were. */
  readonly mirrors: boolean;
  private readonly rooms: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
    this.rooms = new Random(seed + ROOMS);
    this.prunes = this.rooms.chance(0.4);
    this.mirrors = this.rooms.chance(0.3);
    this.ledger = new Ledger(disk => {
      const unit = this.units().find(one => one.disk === disk);
      const typed = [...(unit?.takeovers ?? [])];
      const down = unit?.process === undefined || unit.process.link.state.link === 'down';
      return {
        forced: typed.some(({ force }) => force),
        cutOff: down || typed.some(({ cutOff }) => cutOff),
        isNew: unit?.new ?? false,
      };
    });
    const weather = {
      delayMs: this.random.pick([2, 40, 400, 4_000]),
      cutChance: this.random.pick([0, 0.002, 0.03]),
      inPieces: this.random.chance(0.5),
    };
    this.network = new Network(this.time, this.random, weather, (line, payload, is) =>
      this.overhear(line, payload, is),
    );
    this.operator = new Operator(this.random, this.ledger, line => this.tell(line));
    this.around = {
      time: this.time,
      log: line => this.tell(line),
      dial: (from, process) => this.dial(from, process),
      mayBeAsked: whom => this.mayBeAsked(whom),
      obeyed: (unit, whom, what) => this.obeyed(unit, whom, what),
      gaveUp: (unit, { work }, how) => {
        if (work !== undefined && unit.clockError === 0 && this.ledger.waits(unit.disk, work))
          this.ledger.breaks(`${work}, saved by hand on ${unit.name}, ${how}`);
      },
      forced: (unit, digest) => this.ledger.stoodDown(unit.disk, digest),
    };
    this.pair = [this.newUnit('first', 'pair-1'), this.newUnit('second', 'pair-1')];
  }

  units(): SimulatedUnit[] {
    return this.retired === undefined ? this.pair : [...this.pair, this.retired.unit];
  }

  other(unit: SimulatedUnit): SimulatedUnit {
    return this.pair[0] === unit ? this.pair[1] : this.pair[0];
  }

  newUnit(mode: HaMode, pairId: string): SimulatedUnit {
    const name = ++this.made <= 2 ? mode : `${mode}-${this.made - 1}`;
    const files = this.mirrors ? new Files(this.rooms) : undefined;
    const written: Disk['written'] = (disk, batch) => this.ledger.written(disk, batch);
    return new SimulatedUnit(
      name,
      mode,
      pairId,
      new Disk(name, this.time, this.random, written, files),
      this.around,
    );
  }

  /** As `lockstep init` does it; the pairing is there from the start. */
  async setUp(unit: SimulatedUnit): Promise<void> {
    unit.everyCommit = this.random.chance(0.5);
    unit.bothWays = this.random.chance(0.8);
    void unit.start();
    await this.time.pass(100);
    void this.operator.init(unit);
    await this.time.pass(200);
    if (unit.mode === 'first' && unit.process?.store.head.epoch === 0) {
      unit.new = true;
      const { store, link } = unit.process;
      store.setRole('active', 1).then(
        () => link.ownChanged(),
        () => undefined, // somebody was faster and took over already
      );
      await this.time.pass(100);
      unit.new = false;
    }
  }

  /** Both lines of a process that is no more. */
  cutLinesOf(process: Process | undefined): void {
    if (process !== undefined)
      this.network.cut(({ dialler, answerer }) => dialler === process || answerer === process);
  }

  tell(line: string): void {
    this.log.push(`${(this.time.now() / 1000).toFixed(3).padStart(8)} ${line}`);
  }

  private async dial(from: SimulatedUnit, process: Process): ReturnType<Surroundings['dial']> {
    const { delayMs } = this.network.weather;
    const gone = this.random.chance(0.1);
    await new Promise<void>(resolve => this.time.after(this.random.between(1, delayMs), resolve));
    const to = this.reachedBy(from);
    if (gone || this.blocked.has(from) || to?.process === undefined) throw unreachable();
    if (!process.alive()) return new Promise(() => undefined);
    const line = this.network.line(process, to.process);
    const said: Said = { by: from.name, frames: [] };
    this.saidOn.set(line, said);
    this.said.push(said);
    if (this.said.length > REMEMBERED) this.said.shift();
    to.welcome(line.ends.right, { name: from.name, at: this.time.now() });
    return { channel: line.ends.left, to: to.name };
  }

  /**
   * Real keys keep a unit that was replaced out. Here it gets through, so that pair identity and epoch are tested on
   * their own. Identity alone is enough: then it may reach both units and be reached, and whatever is typed on it.
   * The epoch alone is not: a unit that kept the identity and takes over somewhere alone has the higher epoch as of
   * right, and one that reaches the replacement before the pair does would be its source. So then it only dials the unit
   * that knows it, and nobody types a takeover there.
   */
  private reachedBy(from: SimulatedUnit): SimulatedUnit | undefined {
    const { retired, random } = this;
    if (from === retired?.unit) {
      if (retired.away) return undefined;
      return retired.identity === 'new'
        ? random.pick(this.pair)
        : this.pair.find(({ mode }) => mode !== from.mode);
    }
    if (retired?.identity === 'new' && !retired.away && random.chance(0.3)) return retired.unit;
    return this.other(from);
  }

  /**
   * A unit asks where its pinned partner is: at the place that it dialled, or on a line that came in with the partner's key. When a
   * partner is replaced its lines are closed, and its key lets nobody in (unit/pair/pair.ts, leave). Here the replaced unit
   * dials the survivor once more. Its other identity shows it to be a stranger; under the same one nothing but the key does, and
   * the survivor would take an order that this unit obeyed for one that its partner obeyed. What this unit itself asks is
   * answered as ever: the epoch has to refuse it.
   */
  private mayBeAsked({ name }: Caller): boolean {
    const { retired } = this;
    return retired?.identity !== 'kept' || retired.unit.name !== name;
  }

  private obeyed(unit: SimulatedUnit, whom: Caller, what: string): void {
    this.tell(`${unit.name} ${what}`);
    const { retired } = this;
    if (retired === undefined || this.time.now() < retired.since + GRACE_MS) return;
    const old = [retired.unit.name, echoOf(retired.unit.name)];
    if (old.includes(whom.name) && unit !== retired.unit)
      this.ledger.breaks(`${unit.name} obeyed ${whom.name}, which was replaced: it ${what}`);
    // What the pair told it before may come late.
    const later = whom.at > retired.since && !whom.name.startsWith(echoOf(''));
    if (later && unit === retired.unit)
      this.ledger.breaks(`${unit.name} was replaced, and obeyed ${whom.name}: it ${what}`);
  }

  private overhear(line: Line, payload: Buffer, is: 'request' | 'reply'): void {
    const by = (is === 'request' ? line.dialler : line.answerer).name;
    const text = payload.toString('latin1');
    for (const mark of MARKS)
      if (text.includes(mark)) this.ledger.breaks(`${mark} of ${by} crossed: ${text}`);
    const type = /"type":"([a-z-]+)"/.exec(text)?.[1] ?? '?';
    const code = type === 'error' ? ` ${/"code":"([a-z-]+)"/.exec(text)?.[1]}` : '';
    if (type !== 'hello' && type !== 'hello-too') this.tell(`${by} → ${type}${code}`);
    if (is === 'request' && kindOfFrame(payload) !== 'reply') this.saidOn.get(line)?.frames.push(payload);
  }
}

/** Who says again what a unit said. */
export function echoOf(name: string): string {
  return `echo of ${name}`;
}
