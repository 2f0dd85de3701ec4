import assert from 'node:assert/strict';
import type { Hello, Request, UpdateMessage } from '../../sync/message.ts';
import {
  freshResponder,
  MAX_STAGED_BYTES,
  type ResponderEffect,
  type ResponderState,
  respond,
} from '../../sync/responder.ts';
import type { OwnFacts } from '../../sync/state.ts';
import { A, B, ownFacts, partnerHello } from './facts.ts';

/** The standby, as somebody speaks to it over one connection. */
class Connection {
  private state: ResponderState = freshResponder;
  private readonly own: OwnFacts;
  private ids = 0;

  constructor(own: Partial<OwnFacts> = {}) {
    this.own = ownFacts({ mode: 'second', role: 'standby', ...own });
  }

  static greeted(by: Partial<Hello> = {}, own: Partial<OwnFacts> = {}): Connection {
    const connection = new Connection(own);
    connection.hear({ type: 'hello', id: 0, ...active(by) });
    return connection;
  }

  hear(request: Request, bytes = 100): ResponderEffect[] {
    const { state, effects } = respond(this.state, this.own, request, bytes);
    this.state = state;
    return effects;
  }

  /** What a request is answered with: the code of a refusal, what is done about it, or nothing yet. */
  answer(request: Request, bytes = 100): string {
    const [effect] = this.hear(request, bytes);
    if (effect === undefined) return 'waits for more';
    return effect.do === 'reply' && effect.reply.type === 'error' ? effect.reply.error.code : effect.do;
  }

  frame(part: Partial<UpdateMessage>, bytes = 100): string {
    return this.answer(updateFrame({ id: ++this.ids, ...part }), bytes);
  }
}

function active(changed: Partial<Hello> = {}): Hello {
  return partnerHello({ mode: 'first', role: 'active', name: 'first', ...changed });
}

function updateFrame(part: Partial<UpdateMessage>): UpdateMessage {
  return {
    type: 'update',
    id: 1,
    changeId: 'one',
    sequence: 0,
    last: true,
    epoch: 1,
    base: A,
    target: B,
    revision: 8,
    brought: [],
    provisional: null,
    confirmed: '',
    changes: [],
    ...part,
  };
}

describe('a unit that is spoken to', () => {
  it('takes nothing before it knows who speaks', () => {
    const stranger = new Connection();
    assert.equal(stranger.frame({}), 'bad-message');
    assert.equal(stranger.answer({ type: 'compare', id: 1, nodes: [[0, 0]] }), 'bad-message');
    assert.equal(stranger.answer({ type: 'list', id: 1, buckets: [0] }), 'bad-message');
    assert.equal(stranger.answer({ type: 'examine', id: 1, nonce: 'n' }), 'bad-message');
    const stepDown: Request = { type: 'step-down', id: 1, epoch: 9, force: true, digest: A };
    assert.equal(stranger.answer(stepDown), 'bad-message');
    assert.equal(stranger.answer({ type: 'hello', id: 1, ...active() }), 'greet-back');
    assert.equal(stranger.frame({}), 'apply');
  });

  it('is not paired again over the connection of its partner', () => {
    const join = {
      proof: '',
      hostKey: '',
      clientKey: '',
      name: '',
      unitId: '',
      pairId: '',
      host: '',
      port: 1,
    };
    assert.equal(
      Connection.greeted().answer({ type: 'join', id: 1, mode: 'first', ...join }),
      'already-paired',
    );
  });

  it('shows its digest tree to the partner that walks it', () => {
    const connection = Connection.greeted();
    assert.deepEqual(connection.hear({ type: 'compare', id: 5, nodes: [[1, 2]] }), [
      { do: 'show-nodes', re: 5, nodes: [[1, 2]] },
    ]);
    assert.deepEqual(connection.hear({ type: 'list', id: 6, buckets: [3] }), [
      { do: 'show-buckets', re: 6, buckets: [3] },
    ]);
  });
});

describe('an update that comes in frames', () => {
  it('is applied when the last one is there, with the changes of all in their order', () => {
    const connection = Connection.greeted();
    const change = (path: string) => ({ path, value: null });
    assert.equal(
      connection.frame({ sequence: 0, last: false, changes: [change('a'), change('b')] }),
      'waits for more',
    );
    assert.equal(connection.frame({ sequence: 1, last: false, changes: [change('c')] }), 'waits for more');
    const [apply] = connection.hear(updateFrame({ id: 9, sequence: 2, last: true, changes: [change('d')] }));
    assert.equal(apply?.do, 'apply');
    if (apply?.do !== 'apply') return;
    assert.equal(apply.re, 9);
    assert.deepEqual(apply.update, {
      changes: ['a', 'b', 'c', 'd'].map(change),
      base: A,
      target: B,
      epoch: 1,
      revision: 8,
      from: 'first',
      to: 'first',
      common: A,
      brought: [],
      source: { store: '', revision: 8, exact: true, seen: undefined },
      provisional: null,
      confirmed: '',
    });
  });

  it('is refused once when a frame is missing, doubled or early; the rest of it is dropped in silence', () => {
    for (const sequence of [0, 2, 5]) {
      const connection = Connection.greeted();
      connection.frame({ sequence: 0, last: false });
      assert.equal(connection.frame({ sequence, last: false }), 'bad-message');
      assert.equal(connection.frame({ sequence: 1, last: false }), 'waits for more');
      assert.equal(connection.frame({ sequence: 2, last: true }), 'waits for more');
      assert.equal(connection.frame({ changeId: 'two' }), 'apply');
    }
  });

  it('that begins in the middle is refused', () => {
    assert.equal(Connection.greeted().frame({ sequence: 1 }), 'bad-message');
  });

  it('gives way to a newer one, whose frames a straggler of the old one does not harm', () => {
    const connection = Connection.greeted();
    connection.frame({ changeId: 'old', sequence: 0, last: false, changes: [{ path: 'old', value: null }] });
    connection.frame({ changeId: 'new', sequence: 0, last: false, changes: [{ path: 'new', value: null }] });
    assert.equal(connection.frame({ changeId: 'old', sequence: 1, last: true }), 'bad-message');
    const [apply] = connection.hear(updateFrame({ changeId: 'new', sequence: 1 }));
    assert.deepEqual(apply?.do === 'apply' && apply.update.changes, [{ path: 'new', value: null }]);
  });

  it('is refused past the most bytes that are staged', () => {
    const connection = Connection.greeted();
    const half = MAX_STAGED_BYTES / 2;
    assert.equal(connection.frame({ sequence: 0, last: false }, half), 'waits for more');
    assert.equal(connection.frame({ sequence: 1, last: false }, half), 'waits for more');
    assert.equal(connection.frame({ sequence: 2, last: true }, 1), 'too-large');
    assert.equal(connection.frame({ changeId: 'two' }), 'apply');
  });

  it('is refused from a standby', () => {
    assert.equal(Connection.greeted({ role: 'standby' }).frame({}), 'bad-message');
  });

  it('is refused from a unit that does not fit, naming what differs', () => {
    const unfit: Partial<Hello>[] = [
      { model: 'other' },
      { pairId: 'pair-2' },
      { mode: 'second' },
      { protocol: 2 },
    ];
    for (const differs of unfit) {
      const [effect] = Connection.greeted(differs).hear(updateFrame({}));
      assert.ok(effect?.do === 'reply' && effect.reply.type === 'error', JSON.stringify(differs));
      assert.equal(effect.reply.error.code, 'mismatch');
      const different = effect.reply.error.facts?.different;
      assert.ok(Array.isArray(different) && different.length === 1, 'one difference is named');
    }
  });

  it('is judged by the last greeting: a unit that became active says so first', () => {
    const connection = Connection.greeted({ role: 'standby' });
    assert.equal(connection.frame({ changeId: 'one' }), 'bad-message');
    connection.hear({ type: 'hello', id: 50, ...active() });
    assert.equal(connection.frame({ changeId: 'two' }), 'apply');
  });
});

describe('a unit that is asked to stand down', () => {
  const ask = { type: 'step-down', id: 1, force: false, digest: B } as const;

  it('compares with what the partner holds now, not with what it held when it greeted', () => {
    const [effect] = Connection.greeted({ digest: A }).hear({ ...ask, epoch: 2 });
    assert.deepEqual(effect, { do: 'step-down', re: 1, epoch: 2, force: false, digest: B });
  });

  it('refuses an epoch that is over, and a unit that does not fit', () => {
    assert.equal(Connection.greeted({}, { epoch: 5 }).answer({ ...ask, epoch: 5 }), 'stale-epoch');
    assert.equal(Connection.greeted({ pairId: 'pair-2' }).answer({ ...ask, epoch: 2 }), 'mismatch');
  });
});
