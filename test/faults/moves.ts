import path from 'node:path';
import { TestUnit, temporaryFolder, until, untilInStep } from '../e2e/daemon.ts';
import type { Fault } from './fault.ts';

const NET = 186;
const at = (last: number): string => `127.0.${NET}.${last}`;
const IN_STEP_MS = 60_000;
const INTERFACE = 'interfaces/eth0';

/** A pair that listens where its records say, whose units get other addresses, and what it acknowledged. */
class MovingPair {
  readonly ha1: TestUnit;
  readonly ha2: TestUnit;
  private readonly acknowledged = new Map<string, string>();
  private readonly remove: () => void;
  private addresses = [1, 2];
  private next = 3;

  constructor() {
    const { folder, remove } = temporaryFolder();
    this.remove = remove;
    this.ha1 = new TestUnit(path.join(folder, 'ha1'), '');
    this.ha2 = new TestUnit(path.join(folder, 'ha2'), '');
  }

  async start(): Promise<void> {
    const common = { shared: at(250), virtualId: NET };
    await this.ha1.init({ mode: 'first', name: 'lb1', address: `${at(1)}/24`, partner: at(2), ...common });
    await this.ha2.init({ mode: 'second', name: 'lb2', address: `${at(2)}/24`, partner: at(1), ...common });
    await Promise.all([this.serve(this.ha1), this.serve(this.ha2)]);
    const { code, host, port } = await this.ha1.api.call('invite');
    await this.ha2.api.call('join', { host, port, code });
    await this.inStep();
  }

  serve(unit: TestUnit): Promise<TestUnit> {
    return unit.start('--interval', '1', '--every-commit', '--scrub-hours', '0');
  }

  get both(): [TestUnit, TestUnit] {
    return [this.ha1, this.ha2];
  }

  /** An address that nobody had. */
  fresh(): number {
    return this.next++;
  }

  /** Changes that are answered while `act` goes on, and one more after it. */
  async whileCommitting(act: () => Promise<void>): Promise<void> {
    let going = true;
    const writing = (async () => {
      do await this.commit();
      while (going);
    })();
    await act().finally(() => {
      going = false;
    });
    await writing;
    await this.commit();
  }

  private async commit(): Promise<void> {
    const number = this.acknowledged.size;
    const address = [10, number >> 16, (number >> 8) & 255, number & 255].join('.');
    const changed = await this.ha1.api
      .call('change', { changes: [{ op: 'put', path: `hosts/h${number}`, value: { address } }] })
      .then(() => true)
      .catch(() => false); // it is down
    if (changed) this.acknowledged.set(`h${number}`, address);
    else await new Promise(resolve => setTimeout(resolve, 50));
  }

  /** What the records of a unit say of its address, and of that of its partner. */
  async say(unit: TestUnit, fields: Record<'address' | 'partnerAddress', number | undefined>): Promise<void> {
    const changes = Object.entries(fields).flatMap(([field, last]) =>
      last === undefined ? [] : [{ op: 'set' as const, path: INTERFACE, field: [field], value: at(last) }],
    );
    await unit.api.call('change', { changes });
  }

  /** The same, while the unit is down. */
  async sayWhileDown(unit: TestUnit, fields: Parameters<MovingPair['say']>[1]): Promise<void> {
    await unit.stored(async store => {
      const changes = Object.entries(fields).flatMap(([field, last]) =>
        last === undefined ? [] : [{ op: 'set' as const, path: INTERFACE, field: [field], value: at(last) }],
      );
      await store.commit({ changes, kind: 'change', author: 'ada', reason: 'it moves' });
    });
  }

  moved(one: number | undefined, other: number | undefined): void {
    this.addresses = [one ?? this.addresses[0] ?? 0, other ?? this.addresses[1] ?? 0];
  }

  get addressOfHa2(): string {
    return at(this.addresses[1] ?? 0);
  }

  /** In step; each says so of the other, and listens where it should. */
  async inStep(): Promise<number> {
    const began = performance.now();
    await untilInStep(this.ha1, this.ha2, IN_STEP_MS);
    for (const [index, unit] of this.both.entries())
      await until(`${unit.dir} is where it should be, and both squares are green`, async () => {
        const { unit: own, squares } = await unit.status();
        return (
          own.address === at(this.addresses[index] ?? 0) && squares.every(({ colour }) => colour === 'green')
        );
      });
    return Math.round(performance.now() - began);
  }

  async lost(): Promise<number> {
    let lost = 0;
    for (const unit of this.both) {
      const held = (await unit.api.call('show', { path: 'hosts' })).value as Record<
        string,
        { address: string }
      >;
      for (const [name, address] of this.acknowledged) if (held[name]?.address !== address) lost++;
    }
    return lost;
  }

  get commits(): number {
    return this.acknowledged.size;
  }

  async end(): Promise<void> {
    await Promise.all(this.both.map(unit => unit.kill()));
    this.remove();
  }
}

type Move = [name: string, act: (pair: MovingPair) => Promise<void>];

const both = (pair: MovingPair, act: (unit: TestUnit) => Promise<unknown>) => Promise.all(pair.both.map(act));

/** One after the other, and again from the first. */
const MOVES: Move[] = [
  [
    'the standby, running; nobody tells its partner',
    async pair => {
      const address = pair.fresh();
      await pair.say(pair.ha2, { address, partnerAddress: undefined });
      pair.moved(undefined, address);
    },
  ],
  [
    'the active unit, running; nobody tells its partner',
    async pair => {
      const address = pair.fresh();
      await pair.say(pair.ha1, { address, partnerAddress: undefined });
      pair.moved(address, undefined);
    },
  ],
  [
    'both at once, running, and their records say so',
    async pair => {
      const [one, other] = [pair.fresh(), pair.fresh()];
      await Promise.all([
        pair.say(pair.ha1, { address: one, partnerAddress: other }),
        pair.say(pair.ha2, { address: other, partnerAddress: one }),
      ]);
      pair.moved(one, other);
    },
  ],
  [
    'the standby while it is down after kill -9; the active unit is not told',
    async pair => {
      const address = pair.fresh();
      await pair.ha2.kill();
      await pair.sayWhileDown(pair.ha2, { address, partnerAddress: undefined });
      await pair.serve(pair.ha2);
      pair.moved(undefined, address);
    },
  ],
  [
    'both while both are down, and nobody says so: lockstep pair ADDRESS',
    async pair => {
      const [one, other] = [pair.fresh(), pair.fresh()];
      await both(pair, unit => unit.kill());
      await pair.sayWhileDown(pair.ha1, { address: one, partnerAddress: undefined });
      await pair.sayWhileDown(pair.ha2, { address: other, partnerAddress: undefined });
      await both(pair, unit => pair.serve(unit));
      pair.moved(one, other);
      await until('it is named', async () => {
        const { sync } = await pair.ha1.status();
        return sync.state === 'unreachable' && /lockstep pair ADDRESS/.test(sync.hint ?? '');
      });
      const { code, stderr } = await pair.ha1.cli('pair', pair.addressOfHa2);
      if (code !== 0) throw new Error(stderr);
    },
  ],
];

/** After each move, both are killed and started once more: what they learned must be on their disks. */
export const moves: Fault = {
  name: 'a unit moves to another address, and both start again',
  tries: 10,
  run: async (tries, log) => {
    const pair = new MovingPair();
    let backInStepMs = 0;
    try {
      await pair.start();
      for (let number = 0; number < tries; number++) {
        const [name, move] = MOVES[number % MOVES.length] as Move;
        await pair.whileCommitting(() => move(pair));
        const followed = await pair.inStep();
        await both(pair, unit => unit.kill());
        await both(pair, unit => pair.serve(unit));
        const again = await pair.inStep();
        backInStepMs = Math.max(backInStepMs, followed, again);
        log(`move ${number + 1}: ${name}: in step after ${followed} ms, after a start ${again} ms`);
        await both(pair, unit => unit.api.call('resume')); // breaking off so often would pacify them
      }
      log(`${pair.commits} changes acknowledged`);
      await pair.inStep();
      return { tried: tries, lost: await pair.lost(), backInStepMs };
    } finally {
      await pair.end();
    }
  },
};
