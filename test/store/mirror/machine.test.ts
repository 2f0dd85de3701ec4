import assert from 'node:assert/strict';
import {
  isInStep,
  type MirrorEvent,
  type MirrorFacts,
  newMirror,
  stepMirror,
} from '../../../store/mirror/machine.ts';

const QUIET: MirrorFacts = {
  now: 1_000,
  wall: 1_000_000,
  writable: false,
  clean: true,
  failing: false,
  unread: false,
};
const opened: MirrorEvent = { type: 'opened', reboot: undefined, lookedAt: 1_000_000 };
const afterCut: MirrorEvent = {
  ...opened,
  reboot: { bootedAt: 990_000, durableAt: undefined },
};
const saved: MirrorEvent = { type: 'saved' };
const acted: MirrorEvent = { type: 'acted' };

/** A mirror that is told one event after the other, with how it stands then. */
class Story {
  state = newMirror();
  facts = QUIET;

  /** What it does then. */
  tell(event: MirrorEvent, facts: Partial<MirrorFacts> = {}): string {
    this.facts = { ...QUIET, ...facts };
    const { state, effects } = stepMirror(this.state, event, this.facts);
    this.state = state;
    return effects.map(effect => (effect.do === 'act' ? effect.act : effect.do)).join();
  }
}

describe('mirror: what it does next', () => {
  let story: Story;

  beforeEach(() => {
    story = new Story();
  });

  it('judges what somebody saved before it writes, one act at a time', () => {
    assert.equal(story.tell(opened, { writable: true }), 'take-edits');
    assert.equal(story.tell({ type: 'committed' }, { writable: true }), '');
    assert.equal(story.tell(saved, { writable: true }), '');
    assert.equal(story.tell(acted, { writable: true }), 'judged-all,take-edits');
    assert.equal(story.tell(acted, { writable: true, clean: false }), 'write');
    assert.equal(story.tell(acted), 'mark');
    assert.equal(story.tell(acted), 'flush,retry-no-more,rest');
  });

  it('looks at all files once what happened in a folder is over, then judges what it found', () => {
    story.tell(opened);
    story.tell(acted);
    story.tell(acted);
    assert.equal(story.tell({ type: 'blind' }), '');
    assert.equal(story.tell(saved), 'look');
    assert.equal(story.tell(acted), 'take-edits');
    assert.equal(story.tell(acted), 'judged-all,flush,retry-no-more,rest');
  });

  it('writes down how far the files have come at most once a minute, and after each look at all of them', () => {
    story.tell(opened);
    assert.equal(story.tell(acted), 'judged-all,mark');
    story.tell(acted);
    assert.equal(story.tell({ type: 'committed' }, { now: 60_999 }), 'flush,retry-no-more,rest');
    assert.equal(story.tell({ type: 'committed' }, { now: 61_001 }), 'mark');
    story.tell(acted, { now: 61_001 });
    assert.equal(story.tell({ type: 'reconcile' }, { now: 61_002 }), 'look');
    assert.equal(story.tell(acted, { now: 61_002 }), 'take-edits');
    assert.equal(story.tell(acted, { now: 61_002 }), 'judged-all,mark');
  });

  it('writes down nothing while a file waits, or could not be read or written', () => {
    story.tell(opened);
    assert.equal(story.tell(acted, { clean: false }), 'judged-all,flush,retry-no-more,rest');
    assert.equal(story.tell({ type: 'committed' }, { failing: true }), 'flush,retry-later,rest');
    assert.equal(isInStep(story.state, { ...QUIET, clean: false }), false);
  });

  it('tries later what the disk refused, and looks at all files then: what was touched may not be judged', () => {
    story.tell(opened);
    assert.equal(story.tell({ type: 'failed' }), 'retry-later,rest');
    assert.equal(story.tell(saved), 'look');
    assert.equal(story.tell({ type: 'failed' }), 'retry-later,rest');
    assert.equal(story.tell(saved), 'look');
    assert.equal(story.tell(acted), 'take-edits');
  });

  it('after a power cut nothing is flushed or written down until everything is judged', () => {
    assert.equal(story.tell(afterCut), 'take-edits');
    assert.equal(story.tell(acted, { unread: true, failing: true }), 'retry-later,rest');
    assert.equal(story.tell(saved), 'take-edits');
    assert.equal(story.state.judgedUntil, undefined);
    assert.equal(story.tell(acted), 'judged-all,mark');
    assert.equal(story.state.judgedUntil, 999_000);
    assert.equal(story.state.reboot, undefined);
  });
});
