#!/usr/bin/env node
import { asLockstepError, type LockstepError } from '../schema/error.ts';
import { EXIT, EXIT_OF_CLASS, type ExitCode } from './exit.ts';
import { endQuietlyOnClosedPipe, Output, wantsColor } from './output.ts';
import { parseCommandLine } from './program.ts';

endQuietlyOnClosedPipe();
// Set, not called: what was printed must leave the process before it ends.
process.exitCode = await main(process.argv.slice(2));

async function main(argv: string[]): Promise<ExitCode> {
  let out = new Output({
    json: argv.includes('--json'),
    color: wantsColor(process.stdout, !argv.includes('--no-color')),
  });
  try {
    const asked = await parseCommandLine(argv);
    if (asked === undefined) return EXIT.done;
    out = asked.out;
    return await asked.run();
  } catch (thrown) {
    return fail(out, asLockstepError(thrown));
  }
}

function fail(out: Output, error: LockstepError): ExitCode {
  out.error(error);
  if (error.code === 'internal' && process.env.LOCKSTEP_DEBUG) out.note(error.stack ?? '');
  return EXIT_OF_CLASS[error.class];
}
