import assert from 'node:assert/strict';
import type { Proof } from '../../api/contract/audits.ts';
import type { JsonObject } from '../../schema/json.ts';
import { fingerprint, generateKeyPair, isSignature, signBytes } from '../../sync/ssh/keys.ts';
import { checkProofFile } from '../../unit/audits/prover.ts';
import { type AuditedPair, openAudited } from './audited-pair.ts';

describe('a signature with a host key', () => {
  it('is good for those bytes and that key, and nothing else', () => {
    const [one, other] = [generateKeyPair(), generateKeyPair()];
    const bytes = Buffer.from('what is held');
    const signature = signBytes(one, bytes);
    assert.ok(isSignature(one.public, bytes, signature));
    assert.ok(!isSignature(other.public, bytes, signature));
    assert.ok(!isSignature(one.public, Buffer.from('what is not held'), signature));
    assert.ok(!isSignature(one.public, bytes, Buffer.alloc(64)));
    assert.ok(!isSignature(one.public, bytes, Buffer.alloc(0)));
  });
});

describe('a proof', () => {
  let audited: AuditedPair;
  let proof: Proof;
  before(async () => {
    audited = await openAudited();
    await audited.first.unit.put('hosts/a', { address: '10.0.0.1' });
    await audited.pair.connect();
    await audited.first.unit.link.forceUpdate();
    proof = (await audited.second.auditing.auditProof()).proof as Proof;
  });
  after(() => audited.close());

  const refused = (value: unknown, pins: string[] = []): void =>
    assert.throws(() => checkProofFile(value, pins), { code: 'bad-proof' });
  /** The proof with one thing changed. */
  function forged(change: (proof: Proof & JsonObject) => void): unknown {
    const copy = structuredClone(proof) as Proof & JsonObject;
    change(copy);
    return copy;
  }

  it('says that both units held the digest, and names their keys', () => {
    const { digest, units } = checkProofFile(JSON.parse(JSON.stringify(proof)), []);
    assert.equal(digest, audited.first.unit.store.head.digest);
    assert.deepEqual(units.map(({ role }) => role).sort(), ['active', 'standby']);
    for (const { fingerprint: pin } of units) checkProofFile(proof, [pin]);
    refused(proof, [fingerprint(generateKeyPair().public)]);
  });

  it('proves nothing once anything in it was changed', () => {
    for (const index of [0, 1] as const) {
      for (const [field, value] of Object.entries({
        digest: 'a'.repeat(64),
        revision: 99,
        epoch: 99,
        time: '2020-01-01T00:00:00.000Z',
        name: 'another',
        role: 'active',
        challenge: 'b'.repeat(64),
        unit: 'unit-other',
        pair: 'pair-other',
      })) {
        const before = proof.statements[index].statement as unknown as JsonObject;
        if (before[field] === value) continue;
        refused(forged(({ statements }) => Object.assign(statements[index].statement, { [field]: value })));
      }
    }
    refused(forged(copy => Object.assign(copy, { digest: 'a'.repeat(64) })));
    refused(forged(({ statements }) => Object.assign(statements[0], { signature: '' })));
    refused(forged(({ statements }) => Object.assign(statements[0].statement, { more: 1 })));
  });

  it('needs both units, and not one of them twice', () => {
    refused(forged(({ statements }) => statements.pop()));
    refused(forged(({ statements }) => Object.assign(statements, [statements[0], statements[0]])));
    refused(forged(({ statements }) => Object.assign(statements[1], { key: statements[0].key })));
    for (const nothing of [null, [], {}, { lockstepProof: 1 }, { lockstepProof: 2, statements: [] }, 'proof'])
      refused(nothing);
  });

  it('does not take statements of two moments for one', async () => {
    const later = (await audited.first.auditing.auditProof()).proof as Proof;
    refused({ ...proof, statements: [proof.statements[0], later.statements[0]] });
    refused({ ...proof, statements: [proof.statements[0], later.statements[1]] });
  });

  it('is not given while the units differ', async () => {
    await audited.first.unit.put('hosts/b', { address: '10.0.0.2' });
    const answer = await audited.first.auditing.auditProof();
    assert.equal(answer.proof, null);
    assert.notEqual(answer.digest, answer.partnerDigest);
  });
});
