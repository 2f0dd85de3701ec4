import assert from 'node:assert/strict';
import fc from 'fast-check';
import { HEAD_BYTES, PacketWalk, readHead } from '../../backup/packets.ts';
import { LockstepError } from '../../schema/error.ts';
import { bundle, entriesOf, tar } from './forge.ts';
import { read } from './open.ts';

/** A packet body in pieces of powers of two, then a last one; without the byte that names the packet. */
function inPieces(powers: number[], last: number): Buffer {
  return Buffer.concat([
    ...powers.flatMap(power => [Buffer.from([224 + power]), Buffer.alloc(2 ** power)]),
    Buffer.from([255, 0, 0, last >> 8, last & 255]),
    Buffer.alloc(last),
  ]);
}

function verdict(bytes: Buffer, cuts: number[]): string {
  const walk = new PacketWalk();
  try {
    let from = 0;
    for (const cut of [...new Set(cuts.map(each => each % (bytes.length + 1)))].sort((a, b) => a - b)) {
      walk.pass(bytes.subarray(from, cut));
      from = cut;
    }
    walk.pass(bytes.subarray(from));
    walk.end();
    return 'whole';
  } catch (error) {
    assert.ok(error instanceof LockstepError, String(error));
    return error.message;
  }
}

const powers = fc.array(fc.integer({ min: 9, max: 12 }), { maxLength: 4 });
const last = fc.nat(3000);
const cuts = fc.array(fc.nat(), { maxLength: 6 });

describe('the packets of a bundle', () => {
  it('are followed to their end, however they are cut into pieces', () => {
    fc.assert(
      fc.property(powers, last, cuts, fc.constantFrom('whole', 'cut', 'more'), (sizes, end, at, what) => {
        const whole = inPieces(sizes, end);
        const bytes =
          what === 'cut'
            ? whole.subarray(0, -1)
            : what === 'more'
              ? Buffer.concat([whole, Buffer.of(7)])
              : whole;
        const said = verdict(bytes, at);
        assert.equal(said, verdict(bytes, []));
        if (what === 'whole') assert.equal(said, 'whole');
        else assert.match(said, what === 'cut' ? /was cut short/ : /something follows/);
      }),
    );
  });

  it('begin in large pieces only', () => {
    assert.match(verdict(inPieces([8], 10), []), /first piece is too small/);
  });

  it('give a head or a refusal, whatever the bytes are', () => {
    const good = bundle().subarray(0, HEAD_BYTES);
    const damaged = fc.tuple(fc.nat(60), fc.nat(255)).map(([at, byte]) => {
      const bytes = Buffer.from(good);
      bytes[at] = byte;
      return bytes;
    });
    const cut = fc.nat(good.length).map(length => good.subarray(0, length));
    const anything = fc.uint8Array({ maxLength: 100 }).map(bytes => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(damaged, cut, anything), bytes => {
        try {
          assert.ok(readHead(bytes).dataHead.length >= 18);
        } catch (error) {
          assert.ok(error instanceof LockstepError, String((error as Error).stack));
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the archive of a bundle', () => {
  it('is refused, or says the same, whichever byte of it is another', async () => {
    const archive = tar(entriesOf());
    const { records } = await read(bundle());
    await fc.assert(
      fc.asyncProperty(fc.nat(archive.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const changed = Buffer.from(archive);
        changed[at] = (changed[at] as number) ^ by;
        try {
          assert.deepEqual((await read(bundle(changed))).records, records);
        } catch (error) {
          assert.ok(error instanceof LockstepError, String((error as Error).stack));
        }
      }),
      { numRuns: 150 },
    );
  });
});
