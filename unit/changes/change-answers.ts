import type { ChangeAnswer } from '../../api/contract/changes.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { Problem } from '../../schema/error.ts';
import type { CommitResult } from '../../store/store.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';
import { changeAnswer, type RecordStep, recordStep } from './views.ts';

const MAX_LOGGED = 20;

export interface ChangeAnswersOptions {
  catalog: Catalog;
  log: Log;
  events: Events;
  /** What a change brings about beside what the rules say: each of them looks at its records. */
  causedBy: ((steps: RecordStep[]) => Promise<Problem[]>)[];
}

type Made = Pick<CommitResult, 'revision' | 'digest' | 'changes' | 'warnings'>;

/** What is answered to whoever changed something: nobody should have to ask for the status to learn what it brings about. */
export class ChangeAnswers {
  private readonly options: ChangeAnswersOptions;

  constructor(options: ChangeAnswersOptions) {
    this.options = options;
    options.events.on('filesCommitted', result => void this.logFile(result));
  }

  async to(result: Made, dryRun: boolean): Promise<ChangeAnswer> {
    const warnings = await this.warnings(result);
    return changeAnswer(this.options.catalog, { ...result, warnings }, dryRun);
  }

  /** Who saved a file reads the log and the status, and no answer. */
  private async logFile(result: Made): Promise<void> {
    const warnings = await this.warnings(result);
    const said = warnings.slice(0, MAX_LOGGED).map(({ code, path, message }) => ({ code, path, message }));
    const { revision } = result;
    if (said.length > 0)
      this.options.log.warn(
        { revision, count: warnings.length, warnings: said },
        'a saved file brings warnings',
      );
  }

  private async warnings({ changes, warnings }: Made): Promise<Problem[]> {
    const { catalog, log, causedBy } = this.options;
    const steps = changes.map(change => recordStep(catalog, change));
    const caused = await Promise.all(causedBy.map(look => look(steps))).catch(error => {
      // The change stands, and the status will tell.
      log.warn({ reason: String(error) }, 'what a change brings about could not be judged');
      return [];
    });
    return [...warnings, ...caused.flat()];
  }
}
