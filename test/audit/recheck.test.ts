/** In which order an audit asks again; with the other order, what comes in between looks lost. */
import assert from 'node:assert/strict';
import type { Opening, Question, RecordFacts, Side } from '../../audit/facts.ts';
import { recheck } from '../../audit/recheck.ts';
import type { Compared } from '../../audit/report.ts';
import { catalog } from '../sync/pair-in-memory.ts';

const PATH = 'hosts/a';

/** An active unit and its standby that share what a commit, an update and a receipt make of one record. */
class Script {
  role = { active: 'active', standby: 'standby' } as { active: string; standby: string };
  revision = 5;
  receipt = 5;
  held = 5;
  asked: string[] = [];
  /** What happens before the question of this number is answered. */
  readonly events: Record<number, () => void> = {};

  /** One change is committed, taken and confirmed. */
  change(): void {
    this.revision++;
    this.held = this.revision;
    this.receipt = this.revision;
  }

  side(name: 'active' | 'standby'): Side {
    const ask = async (question: Question): Promise<unknown> => {
      this.events[this.asked.length]?.();
      this.asked.push(`${name} ${question.ask}`);
      return question.ask === 'open' ? this.opening(name) : { details: [this.record(name)] };
    };
    return { ask: ask as Side['ask'] };
  }

  opening(name: 'active' | 'standby'): Opening {
    const commonRevision = name === 'active' ? this.receipt : this.held;
    const facts = { is: 'unit', unitId: name, role: this.role[name], epoch: 1, common: 'x', commonRevision };
    return { ...facts, schemaDigest: catalog.digest } as Opening;
  }

  record(name: 'active' | 'standby'): RecordFacts {
    const revision = name === 'active' ? this.revision : this.held;
    const trace = { revision, at: '', author: '', reason: '', asWritten: true };
    const kind = name === 'active' ? ('change' as const) : ('update' as const);
    return { path: PATH, hash: `hash ${revision}`, intact: true, needs: [], trace: { ...trace, kind } };
  }

  /** The first look, of two moments: `missed`. */
  async again(a: 'active' | 'standby'): Promise<Compared> {
    const b = a === 'active' ? 'standby' : 'active';
    const older = { ...this.record('active'), hash: 'hash 4' };
    const found: Compared = {
      a: this.opening(a),
      b: this.opening(b),
      differences: [{ a: older, b: this.record(b), sameKind: true }],
      verdicts: [{ class: 'missed', on: a === 'active' ? 'b' : 'a' }],
      untold: 0,
      settled: false,
      exchanges: 4,
    };
    const options = { catalog, nonce: '0'.repeat(32), all: false };
    return recheck(found, this.side(a), this.side(b), options);
  }
}

for (const a of ['active', 'standby'] as const)
  describe(`what looks missed to the ${a} unit is asked for again`, () => {
    for (let at = 0; at < 4; at++)
      it(`and is not called so when a change passes before question ${at + 1}`, async () => {
        const script = new Script();
        script.events[at] = () => script.change();
        const { verdicts } = await script.again(a);
        assert.deepEqual(
          verdicts.filter(({ class: found }) => found !== 'not-sent'),
          [],
          script.asked.join(', '),
        );
      });

    it('and is called so when it stays away', async () => {
      const script = new Script();
      script.held = 4;
      const { verdicts } = await script.again(a);
      assert.deepEqual(
        verdicts.map(({ class: found, on }) => [found, on]),
        [['missed', a === 'active' ? 'b' : 'a']],
      );
    });

    it('and is not called so when a takeover comes in between', async () => {
      for (let at = 0; at < 6; at++) {
        const script = new Script();
        script.held = 4;
        script.events[at] = () => {
          script.role = { active: 'standby', standby: 'active' };
        };
        assert.deepEqual((await script.again(a)).verdicts, [], script.asked.join(', '));
      }
    });
  });
