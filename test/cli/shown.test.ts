import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Context } from '../../cli/context.ts';
import { Output } from '../../cli/output.ts';
import * as progress from '../../cli/progress.ts';
import * as prompt from '../../cli/prompt.ts';
import { LockstepError } from '../../schema/error.ts';
import * as log from '../../unit/log/for-people.ts';

/** A name that turns the rest of its line round, clears the window and hides a word. */
const HOSTILE = 'shop\u202epohs\u001b[2J\u200b\u2066';
const HARMLESS = 'shop\ufffdpohs\ufffd[2J\ufffd\ufffd';
/** What may not arrive of it. */
const UNSEEN = ['\u202e', '\u200b', '\u2066', '\u001b[2J'];

const error = (text: string) =>
  new LockstepError('conflict', text, {
    hint: text,
    facts: {
      problems: [1, 2].map(() => ({ code: 'x', path: text, message: text, hint: text })),
    },
  });
const out = () => new Output({ json: false, color: true });
const context = {
  interactive: true,
  out: { showsProgress: true, note: () => undefined },
} as unknown as Context;
/** Until a bar is shown, and moved once. */
const AWAITED_MS = 1_500;
const waited = () => new Promise<void>(resolve => setTimeout(resolve, AWAITED_MS));

type Printing = Record<string, ((text: string) => unknown) | 'prints nothing'>;

const OUTPUT: Printing = {
  answer: text => out().answer(text, same => same),
  answerInWords: text => out().answerInWords(text, same => same),
  note: text => out().note(text),
  error: text => out().error(error(text)),
  print: text => out().print(text),
  showsProgress: 'prints nothing',
};
const PROMPT: Printing = {
  askKnownSecret: text => prompt.askKnownSecret(text),
  askSecret: text => prompt.askSecret(text),
  askText: text => prompt.askText(text),
  askYesNo: text => prompt.askYesNo(text),
  askChoice: text => prompt.askChoice(text, [{ value: 'one', name: text }]),
  confirmed: text => prompt.confirmed({ interactive: true, out: out() }, undefined, text),
};
const PROGRESS: Printing = {
  withProgress: text => progress.withProgress(context, text, waited()),
  withByteProgress: text => progress.withByteProgress(context, text, 9, told, () => HOSTILE),
  withCountProgress: text => progress.withCountProgress(context, text, 9, told),
};
const LOG: Printing = {
  forPeople: text => {
    const facts = { level: 'warn', time: '2026-01-01T12:03:44.000Z', msg: text, name: text };
    log.forPeople(process.stdout).write(`${JSON.stringify({ ...facts, more: { name: text } })}\n${text}\n`);
  },
};

async function told(onBytes: (bytes: number) => void): Promise<void> {
  onBytes(1);
  await waited();
}

/** Files of the command and of the unit that know the streams of a terminal, each with what they do with them. */
const WRITERS: Record<string, string> = {
  'cli/output.ts': 'walked over here',
  'cli/prompt.ts': 'walked over here',
  'cli/progress.ts': 'walked over here',
  'unit/log/log.ts': 'walked over here: forPeople',
  'cli/main.ts': 'asks for colours only',
  'cli/program.ts': 'asks for colours only',
  'cli/commands/status.ts': 'clears the window',
  'cli/bundle/make.ts': 'a bundle, to no terminal',
};

describe('a hostile name on its way to a terminal', function () {
  this.timeout(20_000);

  for (const [what, printing, all] of [
    [
      'an answer',
      OUTPUT,
      Object.getOwnPropertyNames(Output.prototype).filter(name => name !== 'constructor'),
    ],
    ['a question', PROMPT, Object.keys(prompt)],
    ['progress', PROGRESS, Object.keys(progress)],
    ['the log of a unit', LOG, Object.keys(log)],
  ] as const) {
    it(`${what}: all that can print is tried here`, () => {
      assert.deepEqual(Object.keys(printing).sort(), [...all].sort());
    });
    it(`attack: ${what} shows what is in it, and does nothing`, async () => {
      const printers = Object.entries(printing).filter(([, print]) => print !== 'prints nothing');
      const shown = await shownBy(async () => {
        if (printing === PROGRESS) await Promise.all(printers.map(tried));
        else for (const printer of printers) await tried(printer);
      });
      for (const [name] of printers) assert.ok(shown.includes(`${name} ${HARMLESS}`), `${name}: ${shown}`);
      for (const unseen of UNSEEN)
        assert.ok(!shown.includes(unseen), `${JSON.stringify(unseen)} in ${JSON.stringify(shown)}`);
    });
  }

  it('nobody else writes to a terminal', () => {
    const folders = ['api', 'audit', 'backup', 'certs', 'cli', 'replace', 'schema', 'store', 'sync', 'unit'];
    const writing = folders.flatMap(folder =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.ts'))
        .map(name => join(folder, name))
        .filter(file => WRITES.test(readFileSync(file, 'utf8'))),
    );
    assert.deepEqual(writing.sort(), Object.keys(WRITERS).sort());
  });
});

const WRITES = /process\.std(?:out|err)\b(?!\.(?:isTTY|columns))|\bconsole\./;

/** Each marks with its name what it shows. A question that gets no good answer is given up. */
async function tried([name, print]: [string, Printing[string]]): Promise<void> {
  if (print === 'prints nothing') return;
  await Promise.resolve(print(`${name} ${HOSTILE}`)).catch(({ code }) => assert.equal(code, 'bad-usage'));
}

/** What goes to a terminal of 400 columns while `print` runs; Enter is pressed at each question. */
async function shownBy(print: () => Promise<void>): Promise<string> {
  let shown = '';
  const kept: [object, string, PropertyDescriptor | undefined][] = [];
  const put = (object: object, name: string, value: unknown): void => {
    kept.push([object, name, Object.getOwnPropertyDescriptor(object, name)]);
    Object.defineProperty(object, name, { configurable: true, writable: true, value });
  };
  const keys = new PassThrough();
  put(process, 'stdin', keys);
  for (const stream of [process.stdout, process.stderr]) {
    put(stream, 'isTTY', true);
    put(stream, 'columns', 400);
    put(stream, 'write', (text: string | Uint8Array, ...rest: unknown[]) => {
      shown += String(text);
      for (const after of rest) if (typeof after === 'function') after();
      return true;
    });
  }
  const enter = setInterval(() => keys.write('\n'), 50);
  try {
    await print();
  } finally {
    clearInterval(enter);
    for (const [object, name, before] of kept.reverse()) {
      if (before === undefined) delete (object as Record<string, unknown>)[name];
      else Object.defineProperty(object, name, before);
    }
  }
  return shown;
}
