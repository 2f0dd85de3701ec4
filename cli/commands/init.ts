import { Option } from 'commander';
import type { InitOptions } from '../../unit/init.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import { wholeNumber } from '../number-argument.ts';

type Options = Omit<InitOptions, 'dir'>;

export const command: CliCommand<[], Options> = {
  define: command => {
    command
      .addOption(
        new Option('--mode <mode>', 'a unit by itself, HA1 or HA2')
          .choices(['single', 'first', 'second'])
          .makeOptionMandatory(),
      )
      .option('--name <name>', 'name of the unit')
      .option('--address <address/prefix>', "the unit's own address, such as 10.0.0.11/24")
      .option('--shared <address>', 'the address that the active unit of the pair holds')
      .option('--partner <address>', 'address of the other unit')
      .option(
        '--virtual-id <number>',
        'HA Virtual ID, 1 to 255: equal on both, unique on the network',
        wholeNumber('--virtual-id', 1, 255),
      )
      .option('--port <port>', 'TCP port for the partner (default: 6973)', wholeNumber('--port', 1, 65535));
  },

  examples: [
    'lockstep --dir /var/lib/lockstep init --mode first --address 10.0.0.11/24 --shared 10.0.0.10 --partner 10.0.0.12',
    'lockstep --dir ./try init --mode single',
  ],

  async run({ dir, out }, options) {
    const { initUnit } = await import('../../unit/init.ts');
    const unit = await initUnit({ dir, ...given(options) });
    out.answer(unit, made =>
      [
        `Made a unit in ${made.dir} (${made.mode === 'single' ? 'by itself' : `HA ${made.mode} mode`}).`,
        `Its key: ${made.fingerprint}`,
        '',
        `Start it with: lockstep serve --dir ${made.dir}`,
        ...(made.mode === 'single'
          ? []
          : [`Then, on one unit of the pair: lockstep pair --invite --dir ${made.dir}`]),
      ].join('\n'),
    );
    return EXIT.done;
  },
};
