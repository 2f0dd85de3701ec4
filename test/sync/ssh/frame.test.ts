import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LockstepError } from '../../../schema/error.ts';
import { encodeFrame, FrameDecoder, MAX_FRAME_BYTES } from '../../../sync/ssh/frame.ts';

function header(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

function code(expected: string): (error: unknown) => boolean {
  return error => error instanceof LockstepError && error.code === expected;
}

describe('frames on a byte stream', () => {
  it('a frame is its length in four bytes, big-endian, and its payload', () => {
    assert.deepEqual(encodeFrame(Buffer.from('{}')), Buffer.from([0, 0, 0, 2, 0x7b, 0x7d]));
  });

  it('whatever the pieces that arrive, the payloads come out whole and in order', () => {
    const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 });
    const cuts = fc.array(fc.integer({ min: 1, max: 97 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(payloads, cuts, (sent, sizes) => {
        const stream = Buffer.concat(sent.map(payload => encodeFrame(Buffer.from(payload))));
        const decoder = new FrameDecoder();
        const received: Buffer[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          received.push(...decoder.push(stream.subarray(at, at + size)));
          at += size;
        }
        assert.deepEqual(
          received,
          sent.map(payload => Buffer.from(payload)),
        );
      }),
    );
  });

  it('an empty frame is not sent', () => {
    assert.throws(() => encodeFrame(Buffer.alloc(0)), code('bad-message'));
  });

  it('a frame over the limit is not sent, one at the limit is', () => {
    assert.throws(() => encodeFrame(Buffer.alloc(11), 10), code('too-large'));
    assert.equal(encodeFrame(Buffer.alloc(10), 10).length, 14);
  });

  it('a length of 0 is refused', () => {
    assert.throws(() => new FrameDecoder().push(header(0)), code('bad-message'));
  });

  it('a length of 4 GB is refused as soon as the header is there', () => {
    const decoder = new FrameDecoder();
    assert.deepEqual(decoder.push(Buffer.from([0xff, 0xff, 0xff])), []);
    assert.throws(() => decoder.push(Buffer.from([0xff])), code('too-large'));
  });

  it('after a refused frame nothing more is believed', () => {
    const decoder = new FrameDecoder(10);
    assert.throws(() => decoder.push(header(11)), code('too-large'));
    assert.throws(() => decoder.push(encodeFrame(Buffer.from('good'))), code('too-large'));
  });

  it('a claimed length costs no memory until the bytes arrive', () => {
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 100 }, () => new FrameDecoder());
    for (const decoder of decoders) decoder.push(Buffer.concat([header(MAX_FRAME_BYTES), Buffer.from('x')]));
    assert.ok(process.memoryUsage().arrayBuffers - before < 10 * 1024 * 1024);
  });

  it('8 MiB that drip in 100 bytes at a time are put together in linear time', function () {
    this.timeout(2_000);
    const payload = Buffer.alloc(MAX_FRAME_BYTES, 'lockstep');
    const stream = encodeFrame(payload);
    const decoder = new FrameDecoder();
    const received: Buffer[] = [];
    for (let at = 0; at < stream.length; at += 100)
      received.push(...decoder.push(stream.subarray(at, at + 100)));
    assert.equal(received.length, 1);
    assert.ok(received[0]?.equals(payload));
  });
});
