import type { CliCommand } from './command.ts';

type Load = () => Promise<{ command: CliCommand }>;

/** One verb of a noun, such as `lockstep certs add`. */
export interface VerbEntry {
  summary: string;
  load: Load;
  /** The one that is meant where none is named. */
  usual?: true;
}

export interface CommandEntry {
  summary: string;
  hidden?: true;
  /** Works on a directory of this machine only. */
  local?: true;
  /** Of a noun; a command without verbs has a file of its own. */
  verbs?: Record<string, VerbEntry>;
  load?: Load;
}

const CERTS: Record<string, VerbEntry> = {
  add: { summary: 'check a certificate, and keep it', load: () => import('./commands/certs/add.ts') },
  remove: { summary: 'remove one that nothing uses', load: () => import('./commands/certs/remove.ts') },
  list: { summary: 'list all of them', load: () => import('./commands/certs/list.ts') },
  show: { summary: 'show one, with its chain', load: () => import('./commands/certs/show.ts') },
  export: { summary: 'write one to a file', load: () => import('./commands/certs/export.ts') },
  backup: {
    summary: 'make a bundle of all, with their keys',
    load: () => import('./commands/certs/backup.ts'),
  },
  restore: {
    summary: 'put certificates of a bundle here',
    load: () => import('./commands/certs/restore.ts'),
  },
};

const BACKUP: Record<string, VerbEntry> = {
  create: { summary: 'make a bundle', load: () => import('./commands/backup/create.ts') },
  list: { summary: 'list the bundles of this unit', load: () => import('./commands/backup/list.ts') },
  inspect: { summary: 'tell what is in a bundle', load: () => import('./commands/backup/inspect.ts') },
  verify: { summary: 'check that a bundle is whole', load: () => import('./commands/backup/verify.ts') },
  drill: { summary: 'restore a bundle on a scratch unit', load: () => import('./commands/backup/drill.ts') },
  prune: {
    summary: 'remove what the policy does not keep',
    load: () => import('./commands/backup/prune.ts'),
  },
};

const AUDIT: Record<string, VerbEntry> = {
  compare: {
    summary: 'compare two units, revisions or bundles; "compare" may be left out',
    load: () => import('./commands/audit/compare.ts'),
    usual: true,
  },
  history: {
    summary: 'list the drift that came and went',
    load: () => import('./commands/audit/history.ts'),
  },
  proof: {
    summary: 'make or check a proof that both units held one state',
    load: () => import('./commands/audit/proof.ts'),
  },
  fleet: { summary: 'audit all pairs of an inventory', load: () => import('./commands/audit/fleet.ts') },
};

const REPLACE: Record<string, VerbEntry> = {
  plan: { summary: 'make a plan and show it', load: () => import('./commands/replace/plan.ts') },
  run: { summary: 'carry the plan out, or go on with it', load: () => import('./commands/replace/run.ts') },
  status: {
    summary: 'show where the replacement stands',
    load: () => import('./commands/replace/status.ts'),
  },
  abort: { summary: 'go back to the old units', load: () => import('./commands/replace/abort.ts') },
  report: { summary: 'tell what was done', load: () => import('./commands/replace/report.ts') },
};

const OPERATOR: Record<string, VerbEntry> = {
  add: {
    summary: 'let somebody in, or change their key or role',
    load: () => import('./commands/operator/add.ts'),
  },
  list: { summary: 'list who may work on the unit', load: () => import('./commands/operator/list.ts') },
  remove: { summary: 'take access away from somebody', load: () => import('./commands/operator/remove.ts') },
};

const MIRROR: Record<string, VerbEntry> = {
  restore: {
    summary: 'overwrite a file with what the unit holds, or remove one that was kept beside it',
    load: () => import('./commands/mirror/restore.ts'),
  },
  adopt: { summary: 'commit what a file says', load: () => import('./commands/mirror/adopt.ts') },
};

/** The last heading of the help. */
export const OTHER = 'Other:';

/** All commands under the headings of the help, in their order. A command's file is loaded only when the command is named. */
const GROUPS: Record<string, Record<string, CommandEntry>> = {
  'Setting up:': {
    init: { summary: 'make a unit in a directory', local: true, load: () => import('./commands/init.ts') },
    serve: { summary: 'run the unit', local: true, load: () => import('./commands/serve.ts') },
    pair: {
      summary: 'make two units a pair, with a one-time code',
      load: () => import('./commands/pair.ts'),
    },
    unpair: { summary: 'forget the partner', load: () => import('./commands/unpair.ts') },
    import: {
      summary: 'take over the configuration of a LoadMaster',
      verbs: {
        loadmaster: {
          summary: 'read answers of the API of a LoadMaster',
          load: () => import('./commands/import/loadmaster.ts'),
        },
      },
    },
  },

  'The configuration:': {
    show: { summary: 'print the configuration, or a part of it', load: () => import('./commands/show.ts') },
    set: { summary: 'set one field or record', load: () => import('./commands/set.ts') },
    unset: { summary: 'remove a field, a record, or a group', load: () => import('./commands/unset.ts') },
    edit: { summary: 'change a part in your editor', load: () => import('./commands/edit.ts') },
    apply: {
      summary: 'make the configuration say what a file says',
      load: () => import('./commands/apply.ts'),
    },
    diff: { summary: 'show what differs between two revisions', load: () => import('./commands/diff.ts') },
    history: { summary: 'show who changed what, when and why', load: () => import('./commands/history.ts') },
    rollback: { summary: 'go back to a revision', load: () => import('./commands/rollback.ts') },
    restore: {
      summary: 'make parts of the configuration what a bundle says',
      load: () => import('./commands/restore.ts'),
    },
    confirm: {
      summary: 'keep a change that was made with --confirm, or take it back',
      load: () => import('./commands/confirm.ts'),
    },
    certs: { summary: 'add, list, export, back up and restore certificates', verbs: CERTS },
    mirror: { summary: 'repair a file under config/', verbs: MIRROR },
  },

  'The pair:': {
    status: {
      summary: 'show whether the pair is in step, and if not, what is missing',
      load: () => import('./commands/status.ts'),
    },
    doctor: {
      summary: 'look at both units for what would go wrong, and say what to do',
      load: () => import('./commands/doctor.ts'),
    },
    audit: { summary: 'show what differs between the units, since when, and why', verbs: AUDIT },
    'force-update': { summary: 'update the standby now', load: () => import('./commands/force-update.ts') },
    branches: {
      summary: 'list what one side changed while the pair was divided',
      load: () => import('./commands/branches.ts'),
    },
    merge: { summary: 'merge a branch into what stands now', load: () => import('./commands/merge.ts') },
    takeover: { summary: 'make this unit the active one', load: () => import('./commands/takeover.ts') },
    pause: { summary: 'keep the standby as it is for a while', load: () => import('./commands/pause.ts') },
    resume: {
      summary: 'let updates go out again, and a pacified unit take part again',
      load: () => import('./commands/resume.ts'),
    },
    'confirm-source': {
      summary: 'let what was restored here go out to the partner',
      load: () => import('./commands/confirm-source.ts'),
    },
    replace: { summary: 'put new units in the place of old ones, step by step', verbs: REPLACE },
  },

  'Backup:': {
    backup: { summary: 'make an encrypted bundle of the configuration, and look into one', verbs: BACKUP },
  },

  [OTHER]: {
    explain: {
      summary: 'say what a log line means, and what to look at',
      load: () => import('./commands/explain.ts'),
    },
    'support-bundle': {
      summary: 'collect what a colleague needs to help, in one encrypted file',
      load: () => import('./commands/support-bundle.ts'),
    },
    'verify-store': {
      summary: 'check that everything on the disk is what it must be',
      load: () => import('./commands/verify-store.ts'),
    },
    rebuild: {
      summary: 'throw a damaged store away and get everything from the partner',
      load: () => import('./commands/rebuild.ts'),
    },
    operator: { summary: 'say who may work on the unit from another machine, and how far', verbs: OPERATOR },
    completion: { summary: 'print completion for a shell', load: () => import('./commands/completion.ts') },
    __complete: { summary: 'answer the shell', hidden: true, load: () => import('./commands/complete.ts') },
  },
};

/** Each command by its name, with the heading that it stands under. */
export const COMMANDS: Record<string, CommandEntry & { group: string }> = Object.fromEntries(
  Object.entries(GROUPS).flatMap(([group, entries]) =>
    Object.entries(entries).map(([name, entry]) => [name, { ...entry, group }]),
  ),
);
