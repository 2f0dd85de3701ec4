import type { DriftReport } from '../../api/contract/audits.ts';
import { Turn } from '../../host/turn.ts';
import { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Log } from '../log/log.ts';
import type { Letter, SendMail } from './mail.ts';

export interface DriftAlertOptions {
  /** Records `driftAlert`, `email` and `host`, as they are now. */
  read(path: string): Promise<JsonObject | undefined>;
  runHook(name: string, facts: object, timeoutMs: number): Promise<void>;
  sendMail: SendMail;
  self(): { name: string };
  log: Log;
}

const DEFAULT_SECONDS = 10;
const MAX_NAMED = 10;

/** Tells people and programs that drift came or went, as far as the record `driftAlert` asks for it. */
export class DriftAlert {
  private readonly options: DriftAlertOptions;
  private readonly sending = new Turn();

  constructor(options: DriftAlertOptions) {
    this.options = options;
  }

  tell(event: 'found' | 'gone', report: DriftReport): void {
    void this.sending.take(() => this.tellNow(event, report));
  }

  /** Resolves when all that was to be told is told, or failed. */
  async settled(): Promise<void> {
    await this.sending.settled();
  }

  private async tellNow(event: 'found' | 'gone', report: DriftReport): Promise<void> {
    const { read, runHook, self } = this.options;
    const unit = self().name;
    await this.attempt('the configuration', async () => {
      const { hook, hookSeconds = DEFAULT_SECONDS, recipients = [] } = (await read('driftAlert')) ?? {};
      if (typeof hook === 'string')
        await this.attempt('the hook', () =>
          runHook(hook, { event, unit, ...report }, Number(hookSeconds) * 1000),
        );
      const to = (recipients as string[]).map(String);
      if (to.length > 0)
        await this.attempt('the e-mail', () => this.mail({ to, ...letter(event, unit, report) }));
    });
  }

  private async mail(message: Letter): Promise<void> {
    const { read, sendMail, self, log } = this.options;
    const email = (await read('email')) ?? {};
    if (email.enabled !== true || typeof email.server !== 'string') {
      log.warn({ to: message.to }, 'drift is not told by e-mail: email/enabled and email/server are not set');
      return;
    }
    const domain = typeof email.domain === 'string' ? email.domain : 'localhost';
    const name = self().name.replaceAll(/[^A-Za-z0-9.-]/g, '-');
    await sendMail(email, `"Lockstep on ${name}" <lockstep@${domain}>`, message);
  }

  private async attempt(what: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      // What a mail server says has no code of ours, and is no fault of ours.
      const code = error instanceof LockstepError ? { code: error.code } : {};
      this.options.log.error(
        { ...code, reason: (error as Error).message },
        `drift could not be told: ${what}`,
      );
    }
  }
}

export function letter(
  event: 'found' | 'gone',
  unit: string,
  { from, to, partner, records, findings, foundBy }: DriftReport,
): Omit<Letter, 'to'> {
  const pair = oneLine(`${unit} and ${partner}`);
  const count = `${records} ${records === 1 ? 'record' : 'records'}`;
  const named = findings
    .slice(0, MAX_NAMED)
    .map(({ path, class: found, by, at }) =>
      oneLine(
        `  ${path}: ${found}${by === undefined ? '' : `, by ${by}`}${at === undefined ? '' : `, ${at}`}`,
      ),
    );
  const more = records > named.length ? [`  and ${records - named.length} more`] : [];
  return event === 'found'
    ? {
        subject: `Lockstep: drift between ${pair} (${count})`,
        text: [
          `${pair} differ where they ought to be equal. Found by ${foundBy} at ${from}:`,
          ...named,
          ...more,
          '',
          `On ${oneLine(unit)}: lockstep audit`,
          '',
        ].join('\n'),
      }
    : {
        subject: `Lockstep: ${pair} are in step again`,
        text: [`The drift that was found at ${from} is gone since ${to}:`, ...named, ...more, ''].join('\n'),
      };
}

/** Names and paths come from elsewhere: they must not begin a new line or header. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ');
}
