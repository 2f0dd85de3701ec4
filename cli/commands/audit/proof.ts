import { LockstepError } from '../../../schema/error.ts';
import { printable } from '../../../schema/printable.ts';
import type { ProvedFacts } from '../../../unit/audits/prover.ts';
import { checkProofFile } from '../../../unit/audits/prover.ts';
import type { CliCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { EXIT, type ExitCode } from '../../exit.ts';
import { withProgress } from '../../progress.ts';
import { nameOf, readText } from '../../read.ts';
import { localTime } from '../../time.ts';
import { writeNewFile } from '../../write.ts';

interface Options {
  output?: string;
  check?: string;
  pin?: string[];
}

/** Make a proof, or check one, which needs no unit. */
export const command: CliCommand<[], Options> = {
  define: command => {
    command
      .option('-o, --output <file>', 'where to')
      .option('--check <file>', 'what does this file prove? Needs no running unit')
      .option(
        '--pin <fingerprint...>',
        '--check: fingerprint of a host key (SHA256:…) that must be one of the two',
      );
  },

  examples: [
    'lockstep audit proof -o monday.proof',
    'lockstep audit proof --check monday.proof --pin SHA256:…',
  ],

  run: (context, options) =>
    options.check === undefined ? make(context, options) : check(context, options.check, options.pin),
};

async function make(context: Context, { output }: Options): Promise<ExitCode> {
  if (output === undefined)
    throw new LockstepError('bad-usage', 'Where to?', { hint: 'lockstep audit proof -o FILE' });
  const answer = await withProgress(context, 'Asking', context.unit().call('auditProof'));
  if (answer.proof === null) {
    context.out.answer(answer, ({ digest, partnerDigest }) =>
      [
        'There is nothing to prove: the units hold different states.',
        `here  ${digest}`,
        `there ${partnerDigest}`,
      ].join('\n'),
    );
    return EXIT.differs;
  }
  await writeNewFile(output, `${JSON.stringify(answer.proof, null, 2)}\n`, 0o644);
  const facts = checkProofFile(answer.proof, []);
  context.out.answer({ file: output, ...facts }, () => `${output}\n${formatFacts(facts)}`);
  return EXIT.done;
}

async function check(context: Context, file: string, pins: string[] = []): Promise<ExitCode> {
  const text = await readText(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new LockstepError('bad-proof', `${nameOf(file)} proves nothing: it is not JSON.`);
  }
  const facts = checkProofFile(value, pins);
  context.out.answer({ ...facts, pinned: pins.length > 0 }, () =>
    [
      formatFacts(facts),
      ...(pins.length > 0
        ? []
        : [
            'Whose keys these are is not proved: compare the fingerprints with those of lockstep status, or name them with --pin.',
          ]),
    ].join('\n'),
  );
  return EXIT.done;
}

function formatFacts({ digest, units }: ProvedFacts): string {
  return [
    `Both units held ${digest}.`,
    ...units.map(({ name, role, revision, epoch, time, fingerprint }) =>
      printable(
        `  ${name}: ${role}, revision ${revision}, epoch ${epoch}, ${localTime(time)}, ${fingerprint}`,
      ),
    ),
  ].join('\n');
}
