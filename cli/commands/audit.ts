import type { Command } from 'commander';
import { LockstepError } from '../../schema/error.ts';
import type { CompareOptions } from '../auditing/compare.ts';
import type { FleetOptions } from '../auditing/fleet.ts';
import { readChoice } from '../auditing/inventory.ts';
import type { ProofOptions } from '../auditing/proof.ts';
import { addPassphrase } from '../bundle/passphrase.ts';
import type { CliCommand } from '../command.ts';
import { wholeNumber } from '../number-argument.ts';

type Options = CompareOptions & ProofOptions & FleetOptions;

export const command: CliCommand<[string | undefined, string | undefined], Options> = {
  define: (command: Command) => {
    command
      .argument(
        '[a]',
        'local, partner, a revision, a bundle, the directory of a unit, or host:port; default: local. Or: history · proof · fleet',
      )
      .argument('[b]', 'the same, default: partner; fleet: the inventory')
      .option('--all', 'with what differs by design: what belongs to each unit alone')
      .option('--html <file>', 'write the answer as one page too')
      .option('-o, --output <file>', 'proof: where to')
      .option('--check <file>', 'proof: what does this file prove? Needs no running unit')
      .option(
        '--pin <fingerprint...>',
        'proof --check: fingerprint of a host key (SHA256:…) that must be one of the two',
      )
      .option('--parallel <number>', 'fleet: so many pairs at once', wholeNumber('--parallel', 1, 256), 8)
      .option(
        '--timeout <seconds>',
        'fleet: a pair that takes longer, with the login, counts as unreachable; tried once more at the end',
        wholeNumber('--timeout', 1, 3600),
        60,
      )
      .option(
        '--only <trait=value>',
        'fleet: only pairs of this site, group, tag or name; may be repeated',
        readChoice,
      )
      .option('--limit <number>', 'fleet: only the first so many of them', wholeNumber('--limit', 1, 10_000));
    addPassphrase(command).addHelpText(
      'after',
      `
Exit codes: 0 the same · 1 drift · 4 unreachable · 5 damaged
A difference is a corruption, a local edit on a unit, a missed update, not yet sent, changed (since a revision or bundle, or against a unit of another pair), or a file under config/ that is not what
the unit holds; what another release describes differently, or belongs to a unit alone, is no drift. Secrets are never shown.
history: the drift that came and went. proof: a file that proves that both units held one state. fleet: all pairs of a YAML
file, such as  pairs: [{name: vienna, dir: /var/lib/lockstep}, {name: graz, unit: lb1.graz.example, site: at, tags: [prod]}]`,
    );
  },

  examples: [
    'lockstep audit',
    'lockstep audit local 41',
    'lockstep audit partner site.lockstep --passphrase-file /etc/lockstep/passphrase',
    'lockstep audit --json | jq .findings',
    'lockstep audit history',
    'lockstep audit proof -o monday.proof',
    'lockstep audit proof --check monday.proof --pin SHA256:…',
    'lockstep audit fleet inventory.yaml',
    'lockstep audit fleet inventory.yaml --only tag=prod --only site=at --json',
  ],

  async run(context, options, first, second) {
    if (second !== undefined && (first === 'history' || first === 'proof'))
      throw new LockstepError('bad-usage', `audit ${first} takes no ${JSON.stringify(second)}.`);
    switch (first) {
      case 'history':
        return (await import('../auditing/history.ts')).history(context);
      case 'proof':
        return (await import('../auditing/proof.ts')).proof(context, options);
      case 'fleet':
        if (second === undefined)
          throw new LockstepError('bad-usage', 'Which inventory?', {
            hint: 'lockstep audit fleet INVENTORY.yaml',
          });
        return (await import('../auditing/fleet.ts')).fleet(context, second, options);
      default:
        return (await import('../auditing/compare.ts')).compare(context, options, first, second);
    }
  },
};
