/** Server-sent events (HTML standard, 9.2): how they are written, and read. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Event } from './contract/events.ts';

/** So often a connection on which nothing happens is shown to live. */
const KEEP_ALIVE_MS = 15_000;
/** So often whoever said that no more questions come. */
const ASK_MS = 1_000;
/** Whoever takes nothing for so long has gone. */
const STUCK_MS = 30_000;

/** Resolves when all is written, or the other end has gone. */
export async function writeEvents(response: ServerResponse, events: AsyncIterable<Event>): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.write(':\n\n');
  const show = (): void => void (response.writableNeedDrain || response.write(':\n\n'));
  let alive = setInterval(show, KEEP_ALIVE_MS).unref();
  // They have closed their half, or all of it: which, the system says to whoever writes.
  const ask = (): void => {
    clearInterval(alive);
    alive = setInterval(show, ASK_MS).unref();
    show();
  };
  response.socket?.once('end', ask);
  try {
    for await (const event of events) {
      if (response.destroyed) break;
      if (!response.write(frameOf(event))) await drained(response);
    }
  } finally {
    response.socket?.off('end', ask);
    clearInterval(alive);
    response.end();
  }
}

/** A revision has its number as id, so that whoever comes back goes on there. */
function frameOf(event: Event): string {
  const id = event.event === 'revision' ? `id: ${event.revision.revision}\n` : '';
  return `${id}event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const stuck = setTimeout(() => response.destroy(), STUCK_MS);
    const go = (): void => {
      clearTimeout(stuck);
      response.off('drain', go).off('close', go);
      resolve();
    };
    response.once('drain', go).once('close', go);
  });
}

/** Ends when the other side does; throws what reading throws. */
export async function* readEvents(response: IncomingMessage): AsyncGenerator<Event> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data !== undefined) yield JSON.parse(data) as Event;
    }
  }
}
