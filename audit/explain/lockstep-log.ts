import type { Explanation } from './explanation.ts';

/** Messages that a unit logs as a warning or an error, by how they begin. Most lines carry a code as well. */
export const LOG_MESSAGES: Record<string, Explanation> = {
  'a kind of this site is for admins only': {
    happened: 'Operators of the role operate cannot change records of this kind.',
    causes: ['its file in schema.d does not have "changedBy"'],
    look: ['Add "changedBy": "operate" to the file on both units, or "admin" to keep it so'],
  },
  'after a power cut files were empty, torn or older than what had been written; they are made again': {
    happened:
      'The power went before files under config/ were durable; they say again what the store holds. No change is lost.',
    causes: ['the machine was cut off from power, or reset'],
    look: ['lockstep status: files that may be somebody’s work are kept beside and named'],
  },
  'how much the unit takes could not be noted': {
    happened:
      'The unit could not write down how much it has grown; how long the disk lasts is told less exactly.',
    causes: ['the disk is full or failing'],
    look: ['df -h on the folder of the unit', 'lockstep doctor: disks'],
  },
  'old revisions could not be taken away': {
    happened: 'Revisions that are older than the record history keeps are still there; it is tried again.',
    causes: ['the disk is full or failing', 'the store is damaged: lockstep status says so'],
    look: ['lockstep status', 'lockstep verify-store'],
  },
  'this unit listens at another address': {
    happened: 'The address of the update interface changed, and the unit listens there from now on.',
    causes: ['somebody changed address of the update interface, or ha/updateInterface'],
    look: ['lockstep history interfaces', 'lockstep status on the partner: is this unit seen'],
  },
  'this unit does not listen where it should': {
    happened:
      'The partner cannot dial this unit: it could not listen at its address. It tries again every 2 s.',
    causes: ['the machine does not have that address yet', 'another program has the port'],
    look: ['ip address show', "ss -ltnp 'sport = :6973'", 'lockstep show interfaces'],
  },
  'the addresses of the pair could not be looked at': {
    happened: 'The unit could not read where its partner is; it goes on with what it knew.',
    causes: ['the disk or the store failed at that moment'],
    look: ['lockstep status', 'lockstep verify-store'],
  },
  'where the partner is could not be written down': {
    happened:
      'A new place of the partner is used, but was not written to the disk; after a restart it is looked for anew.',
    causes: ['the disk is full or failing'],
    look: ['df -h on the folder of the unit', 'ls -l on keys/ there'],
  },
  'what records hold could not be judged': {
    happened: 'The unit could not look whether stored records fit this release; it looks again later.',
    causes: ['the disk or the store failed at that moment'],
    look: ['lockstep status', 'lockstep verify-store'],
  },
  'this unit starts again': {
    happened: 'Somebody asked this unit to close everything and to start from its disk.',
    causes: ['lockstep replace proves that the new units survive a start'],
    look: ['lockstep replace status', 'lockstep status: in step again'],
  },
  'files could not be made durable': {
    happened:
      'Files under config/ are written, but the disk has not said that it keeps them; it is tried again.',
    causes: ['the disk is full, slow or failing'],
    look: ['df -h on the folder of the unit', 'journalctl -k: errors of the disk', 'lockstep doctor: disks'],
  },
  unpaired: {
    happened: 'Somebody made this unit forget its partner.',
    causes: ['lockstep unpair was typed here'],
    look: ['lockstep pair --invite makes them a pair again'],
  },
  'partner replaced': {
    happened: 'Another unit took the place of the partner; the old one is let in no more.',
    causes: ['lockstep pair --replace was typed'],
    look: ['Compare the fingerprints in the line with those of the new unit'],
  },
  'partner not reached': {
    happened:
      'This unit could not connect to its partner. It tries again by itself, at the latest every five seconds.',
    causes: [
      'the daemon there does not run',
      'its port is closed on the way',
      'it shows another key than the pinned one',
    ],
    look: ['lockstep status here, and there', 'nc -zv PARTNER 6973', 'lockstep doctor'],
  },
  'connection refused': {
    happened: 'Somebody connected to the port of the updates and was not let in.',
    causes: [
      'a scanner, or a person with an SSH client',
      'a former partner that does not know that it was replaced',
      'a partner whose key is not the pinned one',
    ],
    look: ['`source` in the line', 'Let only the partner reach the port, by the firewall'],
  },
  'message refused': {
    happened: 'The partner sent something that this unit does not accept; the code says why.',
    causes: ['the code in the line'],
    look: ['lockstep status on both units'],
  },
  'role changed': {
    happened: 'This unit became active or standby.',
    causes: ['a takeover, here or on the partner', 'it came back after its partner had taken over'],
    look: ['lockstep status', 'The lines before it on both units'],
  },
  'the disk of this unit fell back': {
    happened: 'The disk of this unit shows an earlier state than its partner has seen of it.',
    causes: [
      'a snapshot of the machine was put back, or an older image or copy of its disk',
      'a disk or controller lost what it had confirmed',
    ],
    look: [
      '`revision` and `from` in the line: to which revision it fell, and which one the partner has seen',
      'lockstep status on both units',
    ],
  },
  'this unit took over as active': {
    happened: 'This unit was made active.',
    causes: ['lockstep takeover was typed here'],
    look: ['partnerSteppedDown in the line: false means that the partner was not asked', 'lockstep branches'],
  },
  'not ready to take over': {
    happened: 'This standby could not serve all that it holds.',
    causes: ['`failing` in the line: a certificate, a key, a reference, or the pair itself'],
    look: ['lockstep status', 'lockstep doctor --before takeover'],
  },
  'the restored configuration is confirmed as a source': {
    happened: 'What was restored here goes out to the partner from now on.',
    causes: ['lockstep confirm-source was typed'],
    look: ['lockstep history'],
  },
  'updates paused': {
    happened: 'Updates do not go out any more.',
    causes: ['lockstep pause was typed; the line has who, why and until when'],
    look: ['lockstep resume ends it'],
  },
  'updates go out again': {
    happened: 'A pause of the updates is over.',
    causes: ['somebody resumed, its time was up, or the unit is not active any more'],
    look: ['lockstep status'],
  },
  'the pause could not be lifted': {
    happened: 'A pause is over, but that could not be written down.',
    causes: ['the disk refuses writes'],
    look: ['df -h, and the code in the line', 'lockstep resume'],
  },
  'the end of the pause could not be kept': {
    happened: 'When a pause ends could not be written down; it is tried again.',
    causes: ['the disk refuses writes'],
    look: ['df -h'],
  },
  'a change that was not confirmed is undone': {
    happened: 'A change made with --confirm was taken back, because nobody confirmed it in time.',
    causes: [
      'whoever made it lost the connection, or forgot',
      'it cut off the person who made it, which is what --confirm is for',
    ],
    look: ['lockstep history: the change and its undoing'],
  },
  'a change that was not confirmed cannot be undone': {
    happened: 'A change made with --confirm is to be taken back, and that is refused. It is tried again.',
    causes: ['the code in the line: a full disk, or a damaged store'],
    look: ['lockstep status', 'lockstep confirm --undo'],
  },
  "the partner's clock disagrees with ours": {
    happened: 'The clocks of the units are more than a second apart.',
    causes: ['no time server is set, or it is not reached', 'a virtual machine stood still'],
    look: ['lockstep doctor: time', 'timedatectl, or chronyc tracking, on both units'],
  },
  'the disk refuses what the store writes': {
    happened: 'A change or an update could not be written. None is taken until the disk takes writes again.',
    causes: ['the disk is full, of bytes or of files', 'a quota', 'the disk fails, or may only be read'],
    look: ['lockstep status', 'df -h and df -i for the directory of the unit', 'dmesg'],
  },
  'the disk takes what the store writes again': {
    happened: 'The disk refused writes since the time in the line; changes and updates are taken again.',
    causes: ['somebody made space'],
    look: ['lockstep status', 'lockstep force-update, where the standby lacks something'],
  },
  'the store is damaged': {
    happened:
      'Something in the store is not what it must be. The unit commits nothing and is no source until it is mended.',
    causes: ['a failing disk or memory', 'somebody wrote into the files of the store'],
    look: [
      'lockstep status: what is damaged',
      'lockstep rebuild --from-partner',
      'smartctl -a, and the log of the kernel',
    ],
  },
  'the store is whole again': {
    happened: 'A whole verification found nothing wrong any more.',
    causes: ['the store was mended or rebuilt'],
    look: ['lockstep verify-store, once more, when in doubt'],
  },
  'the store is lost to this process': {
    happened: 'The daemon ends, because only a new start can tell what is on the disk.',
    causes: ['the disk refused the last write of a transaction'],
    look: ['df -h, and the log of the kernel', 'systemctl status lockstep: it should have started again'],
  },
  'the store is rebuilt from the partner': {
    happened: 'The old store was put aside, and everything comes from the partner.',
    causes: ['lockstep rebuild was typed'],
    look: ['`aside` in the line: it can be removed when all is well'],
  },
  'what a change brings about could not be judged': {
    happened: 'A change was made, but what it means for certificates and backups could not be told with it.',
    causes: ['the reason in the line'],
    look: ['lockstep status tells it'],
  },
  'a listener failed': {
    happened: 'A part of the unit that was told of an event failed; the others were told all the same.',
    causes: ['a fault of Lockstep'],
    look: ['`event` and the reason in the line: report both'],
  },
  'what is damaged could not be written down': {
    happened: 'The unit knows of damage, but a restart would forget it until it is found again.',
    causes: ['the disk refuses writes'],
    look: ['df -h', 'lockstep status'],
  },
  'the scrub could not go on': {
    happened: 'The daily verification of the store stopped; it begins again by itself.',
    causes: ['the reason in the line'],
    look: ['lockstep verify-store'],
  },
  'this unit is pacified': {
    happened: 'The unit broke off more than three times within five minutes, and takes part in nothing now.',
    causes: ['the same fault at each start: disk, memory, a damaged store', 'somebody kills it'],
    look: ['The lines before each start', 'journalctl -u lockstep', 'lockstep resume, once it is mended'],
  },
  'this unit is pacified no longer': {
    happened: 'The unit takes part again.',
    causes: ['lockstep resume was typed'],
    look: ['lockstep status'],
  },
  'the start was not counted': {
    happened: 'That the daemon started or ended could not be written down.',
    causes: ['the disk refuses writes'],
    look: ['df -h'],
  },
  'the receipt could not be kept': {
    happened: 'An update arrived, but when it was is not known after a restart.',
    causes: ['the disk refuses writes'],
    look: ['df -h'],
  },
  'what proves the password of bal could not be kept': {
    happened:
      'The password of bal was changed, but lockstep doctor cannot compare it with that of the partner.',
    causes: ['the disk refuses writes'],
    look: ['df -h', 'lockstep set users/bal/passwordHash once more'],
  },
  'a drill of a backup failed': {
    happened: 'A bundle does not give back what it was made of.',
    causes: ['the file was changed or cut short', 'it comes from another release'],
    look: ['lockstep backup verify FILE', 'lockstep backup create makes a new one; drill that'],
  },
  'a scheduled backup failed': {
    happened: 'The schedule made no backup. It is tried again after 1, 5, 15 and then each 60 minutes.',
    causes: [
      'no passphrase, or something else that a run needs',
      'the host does not take it',
      'the disk is full',
    ],
    look: ['lockstep status', 'lockstep show backupSchedule'],
  },
  'the backup schedule cannot be followed': {
    happened: 'Whether a backup is due could not be found out; it is tried again each minute.',
    causes: ['the reason in the line: mostly the disk or the store'],
    look: ['lockstep status'],
  },
  'old bundles could not be removed': {
    happened: 'A backup was made, but what the policy does not keep is still there.',
    causes: ['the folder backups/ cannot be written'],
    look: ['lockstep backup prune --dry-run', 'ls -l DIR/backups'],
  },
  'a folder cannot be watched': {
    happened: 'Files that are saved in a folder of config/ are noticed later.',
    causes: ['the limit of watches of the machine is used up'],
    look: ['sysctl fs.inotify.max_user_watches'],
  },
  'nothing of the branch was taken': {
    happened: 'A branch was closed by lockstep merge --none: what it held and the pair lacks is given up.',
    causes: [
      'somebody looked at it and decided so',
      'a replacement of units closed what it had restored itself',
    ],
    look: ['author and reason in the line', 'lockstep branches'],
  },
  'an object has no file': {
    happened: 'A record is in force, but config/ has no file for it.',
    causes: ['the name of the file would be longer than the file system takes'],
    look: ['lockstep show PATH'],
  },
  'the mirror could not go on': {
    happened: 'Files under config/ trail behind; it is tried again.',
    causes: ['the disk refuses writes', 'the folder was removed'],
    look: ['df -h, ls -ld DIR/config'],
  },
  'folders of the mirror were removed or replaced': {
    happened:
      'A folder under config/ is gone. Nothing was deleted from the configuration for that; the files come back.',
    causes: ['somebody removed or moved it', 'a checkout of a version control system'],
    look: ['lockstep history: nothing was changed', 'To remove records, lockstep unset PATH'],
  },
  'an answer broke off': {
    happened: 'A client went away while it was being answered, or what it read could not be read on.',
    causes: ['the command was interrupted', 'the store was replaced meanwhile'],
    look: ['The reason in the line'],
  },
  'certs.d: not taken': {
    happened: 'What lies in certs.d did not become a certificate; the code and the reason say why.',
    causes: [
      'a file is missing still',
      'key and certificate do not fit',
      'the chain or the dates are not good',
    ],
    look: [
      '`name` and `reason` in the line',
      'lockstep certs add NAME FILE… --dry-run says the same at once',
    ],
  },
  'certs.d: a file is left out': {
    happened:
      'A certificate was taken from certs.d; a file beside it holds something else, or cannot be opened.',
    causes: [
      'an old key or another certificate lies beside it',
      'a file is encrypted, and its passphrase is not there',
    ],
    look: ['`file` and `reason` in the line', 'lockstep certs show NAME tells what was taken'],
  },
  'certs.d: a power cut brought older files back': {
    happened:
      'After a power cut, files lie in certs.d that newer ones had followed, or that had been removed. They are not taken.',
    causes: ['the disk had not written the newer files yet'],
    look: ['Drop the newer files again', 'lockstep certs show NAME tells what is kept'],
  },
  'certs.d is not watched': {
    happened:
      'The folder certs.d cannot be watched; it is looked at now and then, so certificates come later.',
    causes: ['the limit of watches of this machine is reached', 'the folder was replaced'],
    look: ['sysctl fs.inotify.max_user_watches', 'ls -ld DIR/certs.d'],
  },
  'certs.d: a folder is not watched': {
    happened:
      'A folder in certs.d, or the one that its links lead to, is not watched; it is looked at now and then.',
    causes: ['the limit of watches of this machine is reached', 'a link leads where the unit may not read'],
    look: ['sysctl fs.inotify.max_user_watches', '`name` in the line'],
  },
  'certs.d cannot be looked at': {
    happened: 'What lies in certs.d could not be read.',
    causes: ['modes or owner of the folder'],
    look: ['ls -ld DIR/certs.d'],
  },
  'certificates cannot be looked at': {
    happened: 'The certificates of the configuration could not be read, so nobody warns of their expiry.',
    causes: ['the store is damaged'],
    look: ['lockstep verify-store', 'lockstep status'],
  },
  'a private key was exported': {
    happened: 'Somebody wrote a private key to a file with lockstep certs export --with-key.',
    causes: ['the author in the line typed it'],
    look: ['Ask the author; if nobody knows of it, exchange the key'],
  },
  'the certificate of the web interface was not made': {
    happened: 'The unit could not make or renew the certificate of its web interface; the code says why.',
    causes: ['the disk', 'a damaged store'],
    look: ['the code in the line', 'lockstep certs add --web FILE… gives it one'],
  },
  'operators cannot be read': {
    happened: 'The unit could not read who may work on it from elsewhere; operators keep what they had.',
    causes: ['the store is damaged'],
    look: ['lockstep verify-store', 'lockstep operator list'],
  },
  'drift found': {
    happened:
      'The two units hold different shared configuration although an update said that they hold the same.',
    causes: ['somebody changed the standby past Lockstep', 'its disk fell back or lost something', 'damage'],
    look: ['lockstep audit', 'lockstep audit history', 'lockstep force-update brings the standby in step'],
  },
  'could not look for drift': {
    happened: 'The look for drift at this interval failed; the next one tries again.',
    causes: ['the partner went away meanwhile', 'the code in the line'],
    look: ['lockstep status', 'lockstep audit'],
  },
  'drift could not be told': {
    happened: 'Drift was found, but the hook or the e-mail that should tell of it failed.',
    causes: ['the program in DIR/hooks', 'the mail server'],
    look: ['lockstep show driftAlert', 'lockstep show email'],
  },
  'drift is not told by e-mail': {
    happened: 'driftAlert names who gets an e-mail, but this unit has no mail server to send it by.',
    causes: ['email/enabled or email/server is not set'],
    look: ['lockstep show email', 'lockstep set email/server HOST'],
  },
};

/** What a unit logs when all goes its way. */
export const ORDINARY: Record<string, string> = {
  serving: 'The daemon has started and listens for its partner and for operators.',
  stopping: 'The daemon was asked to end.',
  'pairing invited': 'An operator made a one-time code for a new partner.',
  paired: 'The two units have become a pair.',
  commit: 'A change was committed; `revision`, `author` and `reason` say which.',
  'files were committed': 'Files under config/ were changed, and committed.',
  'sync state': 'What the unit says of the pair has changed to `state`; lockstep status says more.',
  'update sent': 'The standby has taken an update, and given its receipt.',
  'update taken': 'This standby has taken an update; it is on its disk.',
  'ready to take over': 'This standby could serve all that it holds.',
  'drift is gone': 'The units hold the same again; lockstep audit history shows what it was.',
  "the partner's clock agrees with ours again": 'The clocks of the units agree within a second again.',
  'request answered': 'Somebody asked the unit something, and got an answer.',
  'a scheduled backup was made': 'A bundle was made as the schedule says.',
  'a drill of a backup passed': 'A bundle was restored on trial, and gave back what it was made of.',
  'a bundle was removed': 'A bundle that the retention does not keep was removed.',
  'a change that waited is settled': 'A provisional change was confirmed or undone.',
  'updates go out again': 'A pause of updates has ended.',
  'the scrub has seen the whole store': 'Every record was held against its hash, and is right.',
  'certs.d: taken': 'A certificate from certs.d was committed.',
};
