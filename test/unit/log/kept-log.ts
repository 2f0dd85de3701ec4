import type { Log } from '../../../unit/log/log.ts';

/** A log that keeps what it is told: the level, the facts and the message of each line. */
export function keptLog(): { log: Log; lines: { level: string; facts: object; message: string }[] } {
  const lines: { level: string; facts: object; message: string }[] = [];
  const at =
    (level: string) =>
    (facts: object, message = ''): void =>
      void lines.push({ level, facts, message });
  const log = { info: at('info'), warn: at('warn'), error: at('error'), debug: at('debug') };
  return { log: log as unknown as Log, lines };
}
