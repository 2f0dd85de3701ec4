import type { LockstepError } from '../schema/error.ts';
import { withoutUnseen } from '../schema/printable.ts';
import { formatError } from './error-text.ts';
import { coloured, type Paint, plain } from './paint.ts';
import { wrapLines } from './wrap.ts';

/**
 * Where a command's answer goes. For people: text on stdout, errors on stderr. With --json, stdout gets one line of
 * JSON in every case, the answer or `{"error": …}`, and stderr stays empty.
 */
export class Output {
  readonly json: boolean;
  readonly paint: Paint;

  constructor({ json, color }: { json: boolean; color: boolean }) {
    this.json = json;
    this.paint = color && !json ? coloured : plain;
  }

  /** A person waits at a terminal. */
  get showsProgress(): boolean {
    return !this.json && process.stderr.isTTY === true;
  }

  /** `answer` for programs, or the text made of it for people. */
  answer<Answer>(answer: Answer, text: (answer: Answer) => string): void {
    this.print(this.json ? JSON.stringify(answer) : text(answer));
  }

  /** The same for sentences and lists, which are made to fit into the window. */
  answerInWords<Answer>(answer: Answer, text: (answer: Answer) => string): void {
    this.answer(answer, found => wrapLines(text(found), columnsOf(process.stdout)));
  }

  /** Something beside the answer, for people only. */
  note(text: string): void {
    if (!this.json) tell(`${text}\n`);
  }

  error(error: LockstepError): void {
    if (this.json) this.print(JSON.stringify({ error: error.toJSON() }));
    else tell(formatError(error, wantsColor(process.stderr, this.paint !== plain) ? coloured : plain));
  }

  print(text: string): void {
    const line = text.endsWith('\n') ? text : `${text}\n`;
    // What goes to a file or a program stays as it is.
    process.stdout.write(process.stdout.isTTY === true ? withoutUnseen(line) : line);
  }
}

/** On stderr, which only people read. */
function tell(text: string): void {
  process.stderr.write(wrapLines(withoutUnseen(text), columnsOf(process.stderr)));
}

/** Of the window that the stream is shown in; undefined: it is shown in none. */
function columnsOf(stream: { isTTY?: boolean; columns?: number }): number | undefined {
  return stream.isTTY === true ? stream.columns : undefined;
}

/** Of the window that shows what is printed. */
export function windowColumns(): number | undefined {
  return columnsOf(process.stdout);
}

/** Colours only where a person looks, and nobody said no (https://no-color.org). */
export function wantsColor(stream: { isTTY?: boolean }, allowed: boolean): boolean {
  return allowed && stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}

/** `lockstep history | head -1` closes the pipe early: that is no fault, so it ends quietly. */
export function endQuietlyOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      process.exit(process.exitCode ?? 0);
    });
  }
}
