import type { CliCommand } from './command.ts';

export interface CommandEntry {
  summary: string;
  /** Heading of the help it stands under. */
  group: string;
  hidden?: boolean;
  /** Works on a directory of this machine only. */
  local?: boolean;
  load(): Promise<{ command: CliCommand }>;
}

const SETTING_UP = 'Setting up:';
const CONFIGURATION = 'The configuration:';
const PAIR = 'The pair:';
const BACKUP = 'Backup:';
export const OTHER = 'Other:';

/** All commands, in the order of the help. A command's file is loaded only when the command is named. */
export const COMMANDS: Record<string, CommandEntry> = {
  init: {
    group: SETTING_UP,
    summary: 'make a unit in a directory',
    local: true,
    load: () => import('./commands/init.ts'),
  },
  serve: {
    group: SETTING_UP,
    summary: 'run the unit',
    local: true,
    load: () => import('./commands/serve.ts'),
  },
  pair: {
    group: SETTING_UP,
    summary: 'make two units a pair, with a one-time code',
    load: () => import('./commands/pair.ts'),
  },
  unpair: {
    group: SETTING_UP,
    summary: 'forget the partner',
    load: () => import('./commands/unpair.ts'),
  },
  import: {
    group: SETTING_UP,
    summary: 'take over the configuration of a LoadMaster',
    load: () => import('./commands/import.ts'),
  },

  show: {
    group: CONFIGURATION,
    summary: 'print the configuration, or a part of it',
    load: () => import('./commands/show.ts'),
  },
  set: { group: CONFIGURATION, summary: 'set one field or record', load: () => import('./commands/set.ts') },
  unset: {
    group: CONFIGURATION,
    summary: 'remove a field, a record, or a group',
    load: () => import('./commands/unset.ts'),
  },
  edit: {
    group: CONFIGURATION,
    summary: 'change a part in your editor',
    load: () => import('./commands/edit.ts'),
  },
  apply: {
    group: CONFIGURATION,
    summary: 'make the configuration say what a file says',
    load: () => import('./commands/apply.ts'),
  },
  diff: {
    group: CONFIGURATION,
    summary: 'what differs between two revisions',
    load: () => import('./commands/diff.ts'),
  },
  history: {
    group: CONFIGURATION,
    summary: 'who changed what, when and why',
    load: () => import('./commands/history.ts'),
  },
  rollback: {
    group: CONFIGURATION,
    summary: 'go back to a revision',
    load: () => import('./commands/rollback.ts'),
  },
  restore: {
    group: CONFIGURATION,
    summary: 'make parts of the configuration what a bundle says',
    load: () => import('./commands/restore.ts'),
  },
  confirm: {
    group: CONFIGURATION,
    summary: 'keep a change that was made with --confirm, or take it back',
    load: () => import('./commands/confirm.ts'),
  },
  certs: {
    group: CONFIGURATION,
    summary: 'certificates: add, list, export, back up, restore',
    load: () => import('./commands/certs.ts'),
  },
  mirror: {
    group: CONFIGURATION,
    summary: 'put right a file under config/',
    load: () => import('./commands/mirror.ts'),
  },

  status: {
    group: PAIR,
    summary: 'is the pair in step, and if not, what is missing',
    load: () => import('./commands/status.ts'),
  },
  doctor: {
    group: PAIR,
    summary: 'look at both units for what would go wrong, and say what to do',
    load: () => import('./commands/doctor.ts'),
  },
  'force-update': {
    group: PAIR,
    summary: 'update the standby now',
    load: () => import('./commands/force-update.ts'),
  },
  branches: {
    group: PAIR,
    summary: 'what one side changed while the pair was divided',
    load: () => import('./commands/branches.ts'),
  },
  merge: {
    group: PAIR,
    summary: 'lay a branch over what stands now',
    load: () => import('./commands/merge.ts'),
  },
  takeover: {
    group: PAIR,
    summary: 'make this unit the active one',
    load: () => import('./commands/takeover.ts'),
  },
  pause: {
    group: PAIR,
    summary: 'keep the standby as it is for a while',
    load: () => import('./commands/pause.ts'),
  },
  resume: {
    group: PAIR,
    summary: 'let updates go out again, and a pacified unit take part again',
    load: () => import('./commands/resume.ts'),
  },
  'confirm-source': {
    group: PAIR,
    summary: 'let what was restored here go out to the partner',
    load: () => import('./commands/confirm-source.ts'),
  },

  backup: {
    group: BACKUP,
    summary: 'make an encrypted bundle of the configuration, and look into one',
    load: () => import('./commands/backup.ts'),
  },

  replace: {
    group: PAIR,
    summary: 'put new units in the place of old ones, step by step',
    load: () => import('./commands/replace.ts'),
  },

  audit: {
    group: PAIR,
    summary: 'what differs between the units, since when, and why',
    load: () => import('./commands/audit.ts'),
  },

  explain: {
    group: OTHER,
    summary: 'what a log line means, and what to look at',
    load: () => import('./commands/explain.ts'),
  },
  'support-bundle': {
    group: OTHER,
    summary: 'all that a colleague needs to help, in one encrypted file',
    load: () => import('./commands/support-bundle.ts'),
  },
  'verify-store': {
    group: OTHER,
    summary: 'is everything on the disk what it must be',
    load: () => import('./commands/verify-store.ts'),
  },
  rebuild: {
    group: OTHER,
    summary: 'throw a damaged store away and get everything from the partner',
    load: () => import('./commands/rebuild.ts'),
  },

  operator: {
    group: OTHER,
    summary: 'who may work on the unit from another machine, and how far',
    load: () => import('./commands/operator.ts'),
  },
  completion: {
    group: OTHER,
    summary: 'print completion for a shell',
    load: () => import('./commands/completion.ts'),
  },
  __complete: {
    group: OTHER,
    summary: 'answer the shell',
    hidden: true,
    load: () => import('./commands/complete.ts'),
  },
};
