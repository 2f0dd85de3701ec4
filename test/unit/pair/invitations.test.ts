import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EMPTY_DIGEST } from '../../../store/digest.ts';
import { openMemory } from '../../../store/memory.ts';
import { Store } from '../../../store/store.ts';
import type { Channel } from '../../../sync/channel.ts';
import type { HaMode } from '../../../sync/message.ts';
import type { Partner } from '../../../sync/pairing.ts';
import { fingerprint, generateKeyPair, type KeyPair, publicBlob } from '../../../sync/ssh/keys.ts';
import { Events } from '../../../unit/events.ts';
import { PairMembership } from '../../../unit/pair/membership.ts';
import { PartnerRegistry } from '../../../unit/pair/partner-registry.ts';
import { channelPair } from '../../sync/channel-in-memory.ts';
import { catalog } from '../../sync/pair-in-memory.ts';

const HELD = 'a'.repeat(64);
const QUIET = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} } as never;

let folder: string;
const machines = new Map<string, Machine>();

/** What survives a crash of one unit, and the registry that runs on it. */
class Machine {
  readonly name: string;
  readonly mode: HaMode;
  readonly host = generateKeyPair('host');
  readonly client = generateKeyPair('client');
  readonly file: string;
  readonly left: string[] = [];
  /** Partners that it was told to look for. */
  readonly paired: string[] = [];
  store!: Store;
  registry!: PartnerRegistry;
  membership!: PairMembership;
  /** Loses the next message of this type on its way from this unit, and the channel with it. */
  losesNext: string | undefined;

  private constructor(name: string, mode: HaMode) {
    this.name = name;
    this.mode = mode;
    this.file = join(folder, `${name}.json`);
    machines.set(name, this);
  }

  static async make(name: string, mode: HaMode): Promise<Machine> {
    const machine = new Machine(name, mode);
    machine.store = await Store.open({
      port: openMemory(),
      catalog,
      rules: [],
      now: () => new Date(0),
    });
    return machine.start();
  }

  /** The daemon starts, as after a crash: only the file and the store are left. */
  async start(): Promise<this> {
    this.membership = await PairMembership.open(this.store);
    const events = new Events(QUIET);
    events.on('unpaired', () => this.left.push('left'));
    events.on('paired', ({ name }) => this.paired.push(name));
    this.registry = await PartnerRegistry.open({
      partnerFile: this.file,
      self: () => ({
        unitId: this.name,
        name: this.name,
        mode: this.mode,
        hostKey: this.host.public,
        clientKey: this.client.public,
      }),
      pairId: () => this.membership.pairId,
      ha: () => ({ virtualId: 0, interfaces: [] }),
      listening: () => ({ host: this.name, port: 6973 }),
      dial: async (host, _port, acceptHostKey) => this.dial(host, acceptHostKey),
      timers: { now: () => 0, after: () => () => undefined },
      now: () => new Date(0),
      log: QUIET,
      events,
      settle: partner => this.membership.settle(partner),
      onRefusal: () => undefined,
    });
    if (this.registry.partner !== undefined) await this.membership.settle(this.registry.partner);
    return this;
  }

  /** What a login decides: is the key let in, and as whom? */
  private dial(host: string, acceptHostKey: (blob: Buffer) => boolean): Channel {
    const other = machines.get(host) ?? assert.fail(host);
    assert.ok(acceptHostKey(publicBlob(other.host.public)));
    const key = publicBlob(this.client.public);
    assert.equal(other.registry.admit(key), 'candidate');
    const { left, right } = channelPair({ left: this.line(), right: other.line() });
    other.registry.answer(right, key);
    return left;
  }

  private line(): (payload: Buffer) => 'arrives' | 'cut' {
    return payload => {
      const { type } = JSON.parse(payload.toString()) as { type: string };
      if (type !== this.losesNext) return 'arrives';
      this.losesNext = undefined;
      return 'cut';
    };
  }

  get fingerprint(): string {
    return fingerprint(this.host.public);
  }

  get partner(): Partner {
    return JSON.parse(readFileSync(this.file, 'utf8')) as Partner;
  }

  /** As after an exchange of updates with the partner. */
  async established(): Promise<this> {
    await this.store.setCommon(HELD, 1);
    return this;
  }

  get common(): string {
    return this.store.head.common;
  }
}

async function pair(inviter: Machine, joiner: Machine, replaces: { there?: Machine; here?: Machine } = {}) {
  const { code, host, port } = inviter.registry.invite(replaces.there?.fingerprint);
  return joiner.registry.join(host, port, code, replaces.here?.fingerprint);
}

const knows = (one: Machine, other: KeyPair): boolean =>
  one.registry.admit(publicBlob(other.public)) === 'partner';

describe('a unit of a pair is replaced', () => {
  let survivor: Machine;
  let old: Machine;
  let fresh: Machine;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-desk-'));
    survivor = await Machine.make('survivor', 'first');
    old = await Machine.make('old', 'second');
    fresh = await Machine.make('fresh', 'second');
    await pair(survivor, old);
    await Promise.all([survivor.established(), old.established()]);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('not without saying so: neither side pins anything, and both keys are named', async () => {
    const facts = { partner: 'old', pinned: old.fingerprint, offered: fresh.fingerprint };
    await assert.rejects(pair(survivor, fresh), { code: 'already-paired', facts });
    await assert.rejects(pair(fresh, survivor), { code: 'already-paired', facts });
    assert.equal(fresh.registry.partner, undefined);
    assert.ok(knows(survivor, old.client));
    assert.equal(survivor.common, HELD);
  });

  it('not when the partner is meanwhile another than the operator was shown', async () => {
    await assert.rejects(pair(fresh, survivor, { here: fresh }), { code: 'conflict' });
    assert.throws(() => survivor.registry.invite(fresh.fingerprint), { code: 'conflict' });
  });

  for (const [who, act] of [
    ['the survivor', () => pair(survivor, fresh, { there: old })],
    ['the new unit', () => pair(fresh, survivor, { here: old })],
  ] as const) {
    it(`when ${who} invites: the old keys are out, the pair stays the pair, the survivor stays established`, async () => {
      const { pairId } = survivor.partner;
      const left = survivor.left.length;
      await act();
      assert.deepEqual(
        [knows(survivor, old.client), knows(survivor, fresh.client), knows(fresh, survivor.client)],
        [false, true, true],
      );
      assert.equal(survivor.left.length, left + 1, 'its connections were closed');
      assert.deepEqual([survivor.partner.pairId, fresh.partner.pairId], [pairId, pairId]);
      // The new unit is known to hold nothing, and cannot be a source.
      assert.deepEqual([survivor.common, fresh.common], [EMPTY_DIGEST, '']);
      await survivor.start();
      assert.deepEqual([survivor.common, knows(survivor, fresh.client)], [EMPTY_DIGEST, true]);
    });
  }

  it('both screens show whose place is taken', async () => {
    const there = await pair(survivor, fresh, { there: old });
    assert.deepEqual(there.replacedThere, { old: old.fingerprint, new: fresh.fingerprint });
    const newer = await Machine.make('newer', 'second');
    const here = await pair(newer, survivor, { here: fresh });
    assert.deepEqual(here.replaced, { name: 'fresh', fingerprint: fresh.fingerprint });
    assert.equal(here.partner.fingerprint, newer.fingerprint);
  });

  describe('and it breaks off half done', () => {
    it('the survivor invited, its partner pins it and is gone: the old one is still the partner; done again, it is whole', async () => {
      fresh.losesNext = 'confirm';
      await assert.rejects(pair(survivor, fresh, { there: old }), { code: 'partner-unreachable' });
      assert.deepEqual([knows(survivor, old.client), survivor.common], [true, HELD]);
      await Promise.all([survivor.start(), fresh.start()]);
      assert.ok(knows(fresh, survivor.client));
      await pair(survivor, fresh, { there: old });
      assert.ok(knows(survivor, fresh.client));
    });

    it('both pinned, and the last word is lost: they are a pair without anybody’s help', async () => {
      survivor.losesNext = 'confirmed';
      await assert.rejects(pair(survivor, fresh, { there: old }), { code: 'partner-unreachable' });
      assert.ok(knows(survivor, fresh.client) && knows(fresh, survivor.client));
      assert.deepEqual([survivor.paired.at(-1), fresh.paired], ['fresh', ['survivor']]);
    });

    it('the survivor joined and the other never heard: it knows the new one only; done again without --replace, it is whole', async () => {
      const { pairId } = survivor.partner;
      survivor.losesNext = 'confirm';
      await assert.rejects(pair(fresh, survivor, { here: old }), { code: 'partner-unreachable' });
      assert.deepEqual([knows(survivor, old.client), fresh.registry.partner], [false, undefined]);
      await Promise.all([survivor.start(), fresh.start()]);
      assert.equal(survivor.common, EMPTY_DIGEST, 'it is still established');
      await pair(fresh, survivor);
      assert.ok(knows(fresh, survivor.client));
      assert.equal(fresh.partner.pairId, pairId);
    });

    it('the power goes after the new partner is on the disk: the start settles what that one holds', async () => {
      const write = survivor.store.beginWithPartner.bind(survivor.store);
      survivor.store.beginWithPartner = () => Promise.reject(new Error('the power went'));
      await assert.rejects(pair(fresh, survivor, { here: old }), /power went/);
      assert.deepEqual([survivor.partner.name, survivor.common], ['fresh', HELD]);
      assert.equal(knows(survivor, old.client), false, 'nobody is let in with an unsettled past');
      survivor.store.beginWithPartner = write;
      await survivor.start();
      assert.equal(survivor.common, EMPTY_DIGEST);
    });
  });

  it('a unit that comes from another pair is new in this one, whatever it held', async () => {
    const elsewhere = await Machine.make('elsewhere', 'first');
    await pair(elsewhere, fresh);
    await Promise.all([elsewhere.established(), fresh.established()]);
    await pair(survivor, fresh, { there: old, here: elsewhere });
    assert.equal(fresh.partner.pairId, survivor.partner.pairId);
    assert.deepEqual([survivor.common, fresh.common], [EMPTY_DIGEST, '']);
  });

  it('after unpair too, and the same unit can come back', async () => {
    const { pairId } = survivor.partner;
    assert.deepEqual(await survivor.registry.unpair(), {
      partner: { name: 'old', fingerprint: old.fingerprint },
    });
    await survivor.start();
    assert.deepEqual([survivor.registry.partner, knows(survivor, old.client)], [undefined, false]);
    await assert.rejects(survivor.registry.unpair(), { code: 'not-paired' });
    await pair(survivor, old);
    assert.deepEqual([survivor.partner.pairId, survivor.common], [pairId, HELD]);
    await survivor.registry.unpair();
    await pair(fresh, survivor);
    assert.deepEqual([fresh.partner.pairId, survivor.common, fresh.common], [pairId, EMPTY_DIGEST, '']);
  });
});
