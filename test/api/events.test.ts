import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { ApiClient } from '../../api/client.ts';
import type { Event } from '../../api/contract/events.ts';
import { type Api, serveApi } from '../../api/server.ts';
import { socketIn } from '../../api/socket.ts';
import { type Call, fakeUnit } from './fake-unit.ts';

const happened = (reason: string): Event => ({
  event: 'happened',
  what: 'connectionLost',
  at: '2026-01-01T00:00:00.000Z',
  facts: { reason },
});
const committed = (revision: number): Event =>
  ({ event: 'revision', revision: { revision, reason: 'line one\nline two' } }) as Event;

describe('events over the API', () => {
  let dir: string;
  let api: Api;
  let calls: Call[];
  let events: (left: AbortSignal) => AsyncIterable<Event>;
  const log = { info: () => undefined, debug: () => undefined, error: () => undefined };

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-events-'));
    calls = [];
    const unit = fakeUnit(calls, ({ left }) => events(left as AbortSignal));
    api = await serveApi({ unit, socketPath: socketIn(dir), log });
  });
  afterEach(async () => {
    await api.close();
    rmSync(dir, { recursive: true });
  });

  async function* upTo(left: AbortSignal, ...some: Event[]): AsyncIterable<Event> {
    yield* some;
    if (!left.aborted) await new Promise(resolve => left.addEventListener('abort', resolve, { once: true }));
  }

  it('reach the client one by one, as they happen, until it stops', async () => {
    const told = [happened('ä "quoted"\r\n'), committed(7)];
    let gone: () => void = () => undefined;
    const leaving = new Promise<void>(resolve => {
      gone = resolve;
    });
    events = async function* (left) {
      yield* upTo(left, ...told);
      gone();
    };
    const stop = new AbortController();
    const seen: Event[] = [];
    for await (const event of new ApiClient({ dir, author: 'ada' }).follow(
      { status: true, after: 6 },
      stop.signal,
    )) {
      seen.push(event);
      if (seen.length === told.length) stop.abort();
    }
    assert.deepEqual(seen, told);
    await leaving;
    assert.deepEqual(calls, [
      { method: 'events', request: { status: true, after: 6, author: 'ada', role: 'admin' } },
    ]);
  });

  it('are server-sent events: with names, with numbers of revisions as ids, and gone on with after the last one', async () => {
    events = async function* () {
      yield committed(8);
    };
    const text = await new Promise<string>((resolve, reject) => {
      const headers = { 'last-event-id': '7' };
      request({ socketPath: socketIn(dir), path: '/v1/events', headers }, async response => {
        assert.match(String(response.headers['content-type']), /^text\/event-stream/);
        let all = '';
        for await (const chunk of response) all += chunk;
        resolve(all);
      })
        .on('error', reject)
        .end();
    });
    assert.equal(text, `:\n\nid: 8\nevent: revision\ndata: ${JSON.stringify(committed(8))}\n\n`);
    assert.equal((calls[0] as { request: { after?: number } }).request.after, 7);
  });

  it('end with the connection of the operator', async () => {
    const [stream, there] = duplexPair();
    let ended: () => void = () => undefined;
    const left = new Promise<void>(resolve => {
      ended = resolve;
    });
    events = async function* (signal) {
      yield* upTo(signal, happened('x'));
      ended();
    };
    api.serveOperator(there, { name: 'ada', role: 'read' });
    stream.resume().write('GET /v1/events HTTP/1.1\r\nhost: unit\r\n\r\n');
    await new Promise(resolve => stream.once('data', resolve));
    there.destroy();
    await left;
  });

  it('wait for whoever reads slowly, and do not fill the memory', async () => {
    let made = 0;
    events = async function* (left) {
      while (!left.aborted && made < 100_000) {
        made += 1;
        yield happened('x'.repeat(1_000));
      }
    };
    const asked = request({ socketPath: socketIn(dir), path: '/v1/events' });
    asked.on('error', () => undefined).end();
    await new Promise(resolve => asked.once('response', resolve));
    let before = -1;
    while (made !== before) {
      before = made;
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    assert.ok(made < 5_000, `${made} events were made for somebody who reads none`);
    asked.destroy();
  });
});
