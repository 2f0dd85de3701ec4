import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { HaFacts } from '../../sync/fit.ts';
import type { Reply } from '../../sync/message.ts';
import { encodeMessage, parseReply, parseRequest } from '../../sync/message-format.ts';
import {
  answerJoin,
  type Code,
  decodeCode,
  encodeCode,
  hashOfKey,
  INVITATION_MS,
  type Invitation,
  isAsShown,
  join,
  newToken,
  type Partner,
  proof,
  type Self,
} from '../../sync/pairing.ts';
import { generateKeyPair, publicBlob } from '../../sync/ssh/keys.ts';
import { channelPair, type Fate } from './channel-in-memory.ts';

function self(mode: 'first' | 'second'): Self {
  return {
    unitId: `unit-${mode}`,
    name: `lb-${mode}`,
    mode,
    hostKey: generateKeyPair('host').public,
    clientKey: generateKeyPair('client').public,
  };
}

/** The unit on which the operator typed `lockstep pair --invite`. */
class Inviter {
  readonly own = self('first');
  readonly token = randomBytes(16);
  readonly accepted: Partner[] = [];
  /** What the joining units pinned. */
  readonly pinned: Partner[] = [];
  readonly refused: LockstepError[] = [];
  /** The pair that this unit speaks for. */
  pairId: string | undefined;
  makeWay: (partner: Partner) => string = () => '';
  invitation: Invitation | undefined = { token: this.token, expires: INVITATION_MS, spent: false };
  now = 0;
  ha: HaFacts = { virtualId: 0, interfaces: [] };

  get code(): Code {
    return { hostKeyHash: hashOfKey(publicBlob(this.own.hostKey)), token: this.token };
  }

  /** `joiner` types the code. `keyBlob`: the key that it logged in with; `between`: who sits on the line. */
  async pairWith(
    joiner: Self & { pairId?: string; ha?: HaFacts },
    code: Code = this.code,
    options: { keyBlob?: Buffer; between?: { there?: Tamper; back?: Tamper }; failsToPin?: boolean } = {},
  ): Promise<{ partner: Partner; replaces: string }> {
    const { keyBlob = publicBlob(joiner.clientKey), between = {} } = options;
    const { left, right } = channelPair({ left: through(between.there), right: through(between.back) });
    answerJoin(right, {
      own: this.own,
      ha: this.ha,
      speaksFor: this.pairId,
      pairId: theirs => this.pairId ?? (theirs || 'pair-1'),
      makeWay: partner => this.makeWay(partner),
      clientKeyBlob: keyBlob,
      now: () => this.now,
      invitation: () => this.invitation,
      pin: async partner => {
        assert.equal(this.pinned.length > this.accepted.length, true, 'the joining unit pins first');
        await new Promise(resolve => setImmediate(resolve)); // writing the partner's file takes a while
        this.accepted.push(partner);
        this.invitation = undefined;
      },
      onRefusal: error => this.refused.push(error),
    });
    const inviter = { hostKey: this.own.hostKey, host: '192.0.2.11', port: 6973 };
    return join(left, { pairId: '', ...joiner, host: '', port: 6974 }, code, inviter, async partner => {
      this.pinned.push(partner);
      if (options.failsToPin) throw new Error('the disk is full');
    });
  }
}

type Tamper = (message: JsonObject) => object;

function through(tamper: Tamper | undefined): (payload: Buffer) => Fate {
  if (tamper === undefined) return () => 'arrives';
  return payload => [Buffer.from(JSON.stringify(tamper(JSON.parse(payload.toString()) as JsonObject)))];
}

describe('a pairing code that was typed wrong', () => {
  it('is known as such wherever the slip is, and as shown when there is none', () => {
    const hostKeyHash = hashOfKey(publicBlob(generateKeyPair().public));
    const shown = encodeCode({ hostKeyHash, token: newToken(hostKeyHash) });
    assert.ok(isAsShown(decodeCode(shown)));
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    let missed = 0;
    for (let at = 0; at < shown.length; at++) {
      if (shown[at] === '.') continue;
      const other = letters[(letters.indexOf(shown[at] as string) + 1) % letters.length] as string;
      if (isAsShown(decodeCode(shown.slice(0, at) + other + shown.slice(at + 1)))) missed++;
    }
    assert.ok(missed <= 1, `${missed} slips were taken for the code`);
  });
});

describe('pairing two units by a one-time code', () => {
  it('the code can be typed as it was printed, and as a mail program broke it', () => {
    const { code } = new Inviter();
    const text = encodeCode(code);
    assert.match(text, /^[\w-]{16}(\.[\w-]{16}){3}$/);
    assert.deepEqual(decodeCode(text), code);
    assert.deepEqual(decodeCode(` ${text.replaceAll('.', ' \n')} `), code);
  });

  it('half a code, or something else, is no code', () => {
    const text = encodeCode(new Inviter().code);
    for (const bad of ['', 'lockstep', text.slice(0, -4), `${text}AAAA`, text.slice(17)]) {
      assert.throws(() => decodeCode(bad), { code: 'bad-code' }, bad);
    }
  });

  it('both units pin the keys of the other, and agree on what pair they are', async () => {
    const inviter = new Inviter();
    const joiner = self('second');
    const { partner, replaces } = await inviter.pairWith(joiner);
    assert.equal(replaces, '');
    const { hostKey, clientKey, unitId, name, mode } = inviter.own;
    assert.deepEqual(partner, {
      pairId: 'pair-1',
      unitId,
      name,
      mode,
      hostKey,
      clientKey,
      host: '192.0.2.11',
      port: 6973,
    });
    // Where the joining unit listens on all addresses, it is dialled where it came from.
    assert.deepEqual(inviter.accepted, [{ pairId: 'pair-1', ...joiner, host: '192.0.2.1', port: 6974 }]);
  });

  it('a wrong code is refused, and does not spoil the right one', async () => {
    const inviter = new Inviter();
    const wrong = { ...inviter.code, token: randomBytes(16) };
    await assert.rejects(inviter.pairWith(self('second'), wrong), { code: 'bad-code' });
    assert.equal(inviter.accepted.length, 0);
    assert.equal(inviter.refused.length, 1);
    await inviter.pairWith(self('second'));
  });

  it('attack: whoever sends wrong codes does not end the invitation', async () => {
    const inviter = new Inviter();
    for (let attempt = 0; attempt < 50; attempt++) {
      const wrong = { ...inviter.code, token: randomBytes(16) };
      await assert.rejects(inviter.pairWith(self('second'), wrong), { code: 'bad-code' });
    }
    assert.equal(inviter.refused.length, 50, 'each is told');
    await inviter.pairWith(self('second'));
    await assert.rejects(inviter.pairWith(self('second')), { code: 'bad-code' });
  });

  it('a code is good for ten minutes', async () => {
    const inviter = new Inviter();
    inviter.now = INVITATION_MS + 1;
    await assert.rejects(inviter.pairWith(self('second')), { code: 'bad-code' });
    inviter.now = INVITATION_MS;
    await inviter.pairWith(self('second'));
  });

  it('a code works once', async () => {
    const inviter = new Inviter();
    await inviter.pairWith(self('second'));
    await assert.rejects(inviter.pairWith(self('second')), { code: 'bad-code' });
    assert.equal(inviter.accepted.length, 1);
  });

  it('two units that type the same code at the same moment: one of them is paired', async () => {
    const inviter = new Inviter();
    const outcomes = await Promise.allSettled([
      inviter.pairWith(self('second')),
      inviter.pairWith(self('second')),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.equal(inviter.accepted.length, 1);
  });

  it('the joining unit breaks off before it has pinned: the inviting unit has no partner either', async () => {
    const inviter = new Inviter();
    const joiner = self('second');
    await assert.rejects(inviter.pairWith(joiner, inviter.code, { failsToPin: true }), {
      message: 'the disk is full',
    });
    assert.equal(inviter.accepted.length, 0);
    inviter.invitation = { token: inviter.token, expires: INVITATION_MS, spent: false };
    await inviter.pairWith(joiner);
    assert.equal(inviter.accepted.length, 1);
  });

  it('without an invitation nobody is paired', async () => {
    const inviter = new Inviter();
    inviter.invitation = undefined;
    await assert.rejects(inviter.pairWith(self('second')), { code: 'bad-code' });
  });

  it('two units in the same HA mode are not a pair', async () => {
    const inviter = new Inviter();
    await assert.rejects(inviter.pairWith(self('first')), {
      code: 'mismatch',
      message: 'Both units are in HA first mode.',
    });
    assert.equal(inviter.accepted.length, 0);
    await inviter.pairWith(self('second'));
  });

  it('two units with another HA Virtual ID, shared address or network are not a pair, and nothing is pinned', async () => {
    const ha = (virtualId: number, address: string, shared: string): HaFacts => ({
      virtualId,
      interfaces: [['eth0', address, 24, shared]],
    });
    const inviter = new Inviter();
    inviter.ha = ha(77, '10.0.0.11', '10.0.0.10');
    for (const [theirs, message] of [
      [ha(78, '10.0.0.12', '10.0.0.10'), /HA Virtual ID here 77, there 78/],
      [ha(77, '10.0.0.12', '10.0.0.9'), /shared address of eth0 here 10\.0\.0\.10, there 10\.0\.0\.9/],
      [ha(77, '10.0.1.12', '10.0.0.10'), /network of eth0 here 10\.0\.0\.11, there 10\.0\.1\.12/],
      [ha(77, '10.0.0.11', '10.0.0.10'), /address of eth0, which both have/],
    ] as const) {
      inviter.invitation = { token: inviter.token, expires: INVITATION_MS, spent: false };
      await assert.rejects(inviter.pairWith({ ...self('second'), ha: theirs }), {
        code: 'mismatch',
        message,
      });
    }
    assert.deepEqual([inviter.accepted.length, inviter.pinned.length], [0, 0]);
    inviter.invitation = { token: inviter.token, expires: INVITATION_MS, spent: false };
    await inviter.pairWith({ ...self('second'), ha: ha(0, '10.0.0.12', '10.0.0.10') });
  });
});

describe('a unit that takes the place of another', () => {
  it('is refused before it pins anybody, while nobody said that the old one goes; the code is good for the old one', async () => {
    const inviter = new Inviter();
    const known = self('second');
    inviter.makeWay = ({ hostKey }) => {
      if (hostKey === known.hostKey) return '';
      throw new LockstepError('already-paired', 'This unit has a partner.');
    };
    await assert.rejects(inviter.pairWith(self('second')), { code: 'already-paired' });
    assert.deepEqual([inviter.pinned, inviter.accepted], [[], []]);
    await inviter.pairWith(known);
    assert.equal(inviter.accepted.length, 1);
  });

  it('is told whose place it takes', async () => {
    const inviter = new Inviter();
    inviter.makeWay = () => 'SHA256:old';
    assert.equal((await inviter.pairWith(self('second'))).replaces, 'SHA256:old');
  });

  it('comes into the pair of the one that stays, whoever invites', async () => {
    for (const [there, here, pair] of [
      ['pair-there', '', 'pair-there'],
      [undefined, 'pair-here', 'pair-here'],
      ['pair-there', 'pair-here', 'pair-there'],
    ] as const) {
      const inviter = new Inviter();
      inviter.pairId = there;
      const { partner } = await inviter.pairWith({ ...self('second'), pairId: here });
      assert.equal(partner.pairId, pair);
      assert.equal(inviter.accepted[0]?.pairId, pair);
    }
  });
});

describe('a man in the middle who has seen the pairing', () => {
  const intruder = self('second');

  it('cannot put his own client key in place of the joining unit’s', async () => {
    const inviter = new Inviter();
    const there: Tamper = message => ({ ...message, clientKey: intruder.clientKey });
    const keyBlob = publicBlob(intruder.clientKey);
    await assert.rejects(inviter.pairWith(self('second'), inviter.code, { keyBlob, between: { there } }), {
      code: 'bad-code',
    });
    assert.equal(inviter.accepted.length, 0);
  });

  it('cannot put his own host key in place of the joining unit’s', async () => {
    const inviter = new Inviter();
    const there: Tamper = message => ({ ...message, hostKey: intruder.hostKey });
    await assert.rejects(inviter.pairWith(self('second'), inviter.code, { between: { there } }), {
      code: 'bad-code',
    });
    assert.equal(inviter.accepted.length, 0);
  });

  it('cannot speak for the joining unit over a login with another key', async () => {
    const inviter = new Inviter();
    const keyBlob = publicBlob(intruder.clientKey);
    await assert.rejects(inviter.pairWith(self('second'), inviter.code, { keyBlob }), { code: 'bad-code' });
    assert.equal(inviter.accepted.length, 0);
  });

  it('cannot put his own client key in place of the inviting unit’s', async () => {
    const inviter = new Inviter();
    const back: Tamper = message => ({ ...message, clientKey: intruder.clientKey });
    await assert.rejects(inviter.pairWith(self('second'), inviter.code, { between: { back } }), {
      code: 'bad-code',
    });
  });

  it('cannot send the joining unit its own proof back', async () => {
    const inviter = new Inviter();
    const joiner = self('second');
    const keys = { inviter: inviter.own, joiner };
    assert.notEqual(proof(inviter.token, 'inviter', keys), proof(inviter.token, 'joiner', keys));
    const back: Tamper = message => ({ ...message, proof: proof(inviter.token, 'joiner', keys) });
    await assert.rejects(inviter.pairWith(joiner, inviter.code, { between: { back } }), { code: 'bad-code' });
  });

  it('gets no key of another kind in', async () => {
    const inviter = new Inviter();
    const there: Tamper = message => ({ ...message, hostKey: 'ssh-rsa AAAA' });
    await assert.rejects(inviter.pairWith(self('second'), inviter.code, { between: { there } }), {
      code: 'bad-usage',
    });
    assert.equal(inviter.accepted.length, 0);
  });
});

describe('a unit that is not paired yet', () => {
  async function answerTo(payload: Buffer): Promise<{ reply: Reply; closed: string }> {
    const inviter = new Inviter();
    const { left, right } = channelPair({ left: () => 'arrives', right: () => 'arrives' });
    answerJoin(right, {
      own: inviter.own,
      ha: inviter.ha,
      speaksFor: undefined,
      pairId: () => 'pair-1',
      makeWay: () => '',
      clientKeyBlob: randomBytes(51),
      now: () => 0,
      invitation: () => inviter.invitation,
      pin: async partner => void inviter.accepted.push(partner),
      onRefusal: error => inviter.refused.push(error),
    });
    const reply = new Promise<Reply>(resolve => left.onFrame(frame => resolve(parseReply(frame))));
    const closed = new Promise<string>(resolve => left.onClose(resolve));
    await left.send(payload);
    return { reply: await reply, closed: await closed };
  }

  it('takes a pairing and nothing else, and hangs up', async () => {
    const list = encodeMessage({ type: 'list', id: 1, buckets: [0] });
    assert.equal(parseRequest(list).type, 'list');
    const { reply } = await answerTo(list);
    assert.equal(reply.type === 'error' && reply.error.code, 'not-paired');
    const { reply: toNonsense } = await answerTo(Buffer.from('nonsense'));
    assert.equal(toNonsense.type === 'error' && toNonsense.error.code, 'bad-message');
  });

  it('the other side hangs up before it answers: the operator is told', async () => {
    const { left, right } = channelPair({ left: () => 'arrives', right: () => 'arrives' });
    const inviter = new Inviter();
    const joining = join(
      left,
      { ...self('second'), pairId: '', host: '', port: 1 },
      inviter.code,
      {
        hostKey: inviter.own.hostKey,
        host: '192.0.2.11',
        port: 6973,
      },
      async () => assert.fail('nobody was paired'),
    );
    right.close('no');
    await assert.rejects(joining, { code: 'partner-unreachable' });
  });
});
