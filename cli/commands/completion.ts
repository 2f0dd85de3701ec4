import { Argument } from 'commander';
import type { CliCommand } from '../command.ts';
import { COMPLETION_SCRIPTS, type Shell } from '../completion-scripts.ts';
import { EXIT } from '../exit.ts';

export const command: CliCommand<[Shell], object> = {
  define: command => {
    command.addArgument(
      new Argument('<shell>', 'the shell to complete in').choices(Object.keys(COMPLETION_SCRIPTS)),
    );
  },

  examples: [
    'source <(lockstep completion bash)',
    'lockstep completion bash > /etc/bash_completion.d/lockstep',
    'lockstep completion zsh > ~/.zfunc/_lockstep   (a folder of your fpath)',
    'lockstep completion fish > ~/.config/fish/completions/lockstep.fish',
  ],

  async run({ out }, _options, shell) {
    out.answer({ shell, script: COMPLETION_SCRIPTS[shell] }, ({ script }) => script);
    return EXIT.done;
  },
};
