import type { ErrorCode } from '../../schema/error.ts';
import type { Explanation } from './explanation.ts';

/** Why each error comes, and what to do; what happened is said by the table of codes itself. */
export const ERROR_ADVICE: Partial<Record<ErrorCode, Pick<Explanation, 'causes' | 'look'>>> = {
  'bad-usage': {
    causes: ['an option is misspelt or missing', 'a file that was named cannot be read'],
    look: ['lockstep COMMAND --help'],
  },
  'restore-old-unit': {
    causes: ['--as-the-old-unit was typed on a unit that has a partner'],
    look: [
      'lockstep restore FILE keeps what belongs to this unit',
      'lockstep replace plan: how a new machine takes the place of an old one',
    ],
  },
  'no-permission': {
    causes: [
      'the command runs as another user than the unit',
      'a folder above the file is closed to this user',
    ],
    look: ['id, and ls -ld on the path of the message and each folder above it'],
  },
  'no-such-file': {
    causes: ['a name is misspelt', 'the folder of a file that was to be written is not there'],
    look: ['ls -l on the path of the message'],
  },
  'bad-json': {
    causes: ['a comma or quote is missing; the message has line and column'],
    look: ['lockstep show PATH prints the form that is wanted'],
  },
  'duplicate-key': { causes: ['a name was copied and not changed'], look: ['The place in the message'] },
  'reserved-key': { causes: ['a name such as __proto__ in a document'], look: ['Choose another name'] },
  'number-out-of-range': {
    causes: ['a number with more than 15 digits or so'],
    look: ['The place in the message'],
  },
  'nested-too-deep': { causes: ['a document that a program made'], look: ['The program that made it'] },
  'too-large': {
    causes: ['a document that is meant for several steps', 'a partner that asks more than a unit does'],
    look: ['Split the document; lockstep apply -f takes one part after the other'],
  },
  'unknown-path': {
    causes: ['a name is misspelt', 'the kind is one of another release or site'],
    look: ['lockstep show, or docs/REFERENCE.md, has the names'],
  },
  'no-such-record': {
    causes: ['it was removed', 'the id is misspelt'],
    look: ['lockstep show PATH-OF-THE-GROUP', 'lockstep history PATH'],
  },
  'no-such-revision': {
    causes: ['the number is too high, or of the other unit'],
    look: ['lockstep history'],
  },
  'history-pruned': {
    causes: ['the record history says that so old a revision goes'],
    look: [
      'lockstep history --limit 1000',
      'lockstep backup list',
      'docs/REFERENCE.md, history: how much is kept',
    ],
  },
  'no-such-branch': { causes: ['it was merged already'], look: ['lockstep branches'] },
  'bad-id': { causes: ['a character that ids of this kind do not have'], look: ['The hint has an example'] },
  'invalid-value': {
    causes: ['a value out of its range, or of another type'],
    look: ['docs/REFERENCE.md has the range of each field'],
  },
  'invalid-change': {
    causes: ['several records are not valid; each is listed'],
    look: ['Mend the first and try with --dry-run'],
  },
  'id-mismatch': {
    causes: ['a document was copied from another record and the fields of its id were left'],
    look: ['Leave the fields out, or make them equal to the id'],
  },
  'parent-missing': {
    causes: ['the record that it belongs to was removed or comes later'],
    look: ['Add both in one change'],
  },
  'dangling-reference': {
    causes: ['something that is used was to be removed', 'a name is misspelt'],
    look: ['lockstep show what it refers to'],
  },
  'not-unique': { causes: ['an address was given twice'], look: ['The message names the other record'] },
  'rule-broken': {
    causes: ['the change is valid for each record, but not for all together'],
    look: ['The hint, and docs/RULES.md'],
  },
  'secret-in-arguments': {
    causes: ['a password was typed behind the command, where ps shows it'],
    look: ['Leave the value out, or use --value-file', 'Choose another password: this one has been seen'],
  },
  'secret-unknown': {
    causes: ['a masked document was applied to another unit'],
    look: ['Give the secret itself, or leave the field out'],
  },
  'bad-schema': {
    causes: ['a file in schema.d/ is not a schema of Lockstep'],
    look: ['The message names file and place'],
  },
  'bad-capture': {
    causes: ['the file is a page of the web interface and not the answer of the API'],
    look: ['lockstep import --help'],
  },
  conflict: {
    causes: ['somebody else changed it meanwhile'],
    look: ['lockstep history', 'Look again, then repeat the change'],
  },
  provisional: {
    causes: ['a change made with --confirm still waits'],
    look: ['lockstep confirm, or lockstep confirm --undo'],
  },
  'nothing-to-confirm': {
    causes: ['it was confirmed, or undone because its time was up'],
    look: ['lockstep history'],
  },
  'not-active': {
    causes: ['the command was typed on the standby'],
    look: ['Type it on the active unit, which the hint names'],
  },
  'not-standby': { causes: ['the unit is active already'], look: ['lockstep status'] },
  'not-paired': {
    causes: ['the units were never paired', 'somebody typed lockstep unpair'],
    look: ['lockstep pair --invite on one, and what it prints on the other'],
  },
  'already-paired': {
    causes: ['one of the two forgot the other'],
    look: ['lockstep status on both', 'lockstep pair --invite --replace'],
  },
  'bad-code': {
    causes: ['the code is older than ten minutes, used, or mistyped'],
    look: ['lockstep pair --invite makes another'],
  },
  'key-mismatch': {
    causes: ['the partner was set up anew', 'another machine has its address', 'somebody is in between'],
    look: [
      'lockstep doctor',
      'Compare the fingerprints with what the units print',
      'lockstep pair --invite --replace, when it is the new machine',
    ],
  },
  'both-active': {
    causes: ['the standby was taken over while the active unit lived on', 'both were set to one HA mode'],
    look: [
      'lockstep status on both: what each alone holds',
      'lockstep takeover --force on the one that is to serve; the rest becomes a branch',
    ],
  },
  'fallen-back': {
    causes: [
      'a snapshot of the machine was put back, or an older image or copy of its disk',
      'a disk or controller lost what it had confirmed',
    ],
    look: [
      'lockstep status on both: which unit fell back, to which revision, and whether it was changed since',
      'lockstep takeover --force on the unit whose configuration is to stay; the rest becomes a branch',
    ],
  },
  mismatch: {
    causes: ['the units differ in model, pair or HA mode; both values are in the message'],
    look: ['lockstep doctor'],
  },
  'held-back': {
    causes: ['a release is being rolled out'],
    look: ['lockstep status: which records wait', 'Bring both units to one release'],
  },
  'unit-scope': {
    causes: ['the partner runs something that is not Lockstep, or a fault'],
    look: ['lockstep doctor: release of both', 'Report it'],
  },
  'stale-epoch': {
    causes: ['the unit was active before the last takeover, and has not noticed'],
    look: ['lockstep status on both'],
  },
  'base-differs': {
    causes: ['the standby holds something else than the active unit believes'],
    look: ['Nothing: the units compare and send what differs', 'lockstep status, when it stays'],
  },
  'digest-differs': {
    causes: ['damage in a store, or a fault'],
    look: ['lockstep verify-store on both units'],
  },
  'bad-message': {
    causes: ['the partner runs another release', 'something else talks to the port'],
    look: ['lockstep doctor: release of both', '`source` in the log'],
  },
  'never-a-source': {
    causes: ['the unit is new or empty', 'what it holds was restored and nobody confirmed it'],
    look: ['lockstep status', 'lockstep confirm-source, when what it holds is right'],
  },
  paused: {
    causes: ['somebody typed lockstep pause; the message has who and why'],
    look: ['lockstep resume'],
  },
  pacified: {
    causes: ['the unit restarted more than three times within five minutes'],
    look: ['Its log, before each start', 'lockstep resume, once it is mended'],
  },
  'takeover-incomplete': {
    causes: ['the active unit holds changes that it could not send'],
    look: ['lockstep force-update there', 'lockstep takeover --force leaves them behind as a branch'],
  },
  'merge-conflict': {
    causes: ['both sides changed one field, differently'],
    look: ['lockstep merge NAME --dry-run', '--ours PATH or --theirs PATH for each'],
  },
  'restore-certificates': { causes: ['the wrong file was named'], look: ['lockstep backup inspect FILE'] },
  'restore-no-part': {
    causes: ['the bundle was made without this part'],
    look: ['lockstep backup inspect FILE: its parts'],
  },
  'restore-single-on-ha': {
    causes: ['the bundle comes from a unit without HA'],
    look: ['Restore the other parts; without base'],
  },
  'restore-ha-on-single': {
    causes: ['the bundle comes from a pair'],
    look: ['lockstep set interfaces/NAME/haChecks true, then lockstep set ha/mode first; or leave base out'],
  },
  'restore-not-in-ha-mode': {
    causes: ['the unit was not put into HA mode yet'],
    look: ['lockstep set ha/mode first, or second'],
  },
  'restore-esp': { causes: ['the licence of this unit has no ESP'], look: ['lockstep show licence/esp'] },
  'restore-unknown-kind': {
    causes: [
      'the site that made the bundle has kinds in schema.d/ that are not here',
      'the bundle is of a newer release',
    ],
    look: ['Copy schema.d/ over', 'lockstep backup inspect FILE'],
  },
  'restore-dangling': {
    causes: ['a part was left out that another one needs'],
    look: ['Restore both parts'],
  },
  'restore-invalid': {
    causes: ['the schema became stricter since the bundle was made'],
    look: ['lockstep backup verify FILE'],
  },
  'backup-method': {
    causes: ['backupSchedule/method is ftp'],
    look: ['lockstep set backupSchedule/method sftp, or local'],
  },
  'backup-unset': {
    causes: ['the passphrase, the host or its key is not set'],
    look: ['lockstep show backupSchedule; the hint names what lacks'],
  },
  'backup-target': {
    causes: ['the host is off, refuses the key, or shows another one', 'its disk is full'],
    look: ['ssh or sftp to it by hand with the same key'],
  },
  'drill-failed': {
    causes: ['the bundle is damaged', 'a fault'],
    look: ['lockstep backup verify FILE', 'lockstep backup create, and drill that'],
  },
  'no-such-bundle': { causes: ['it was pruned, or lies elsewhere'], look: ['lockstep backup list'] },
  'no-such-upload': {
    causes: ['too much time passed since it was sent', 'the daemon started again'],
    look: ['Repeat the command'],
  },
  'partner-unreachable': {
    causes: ['the daemon there does not run', 'the port is closed on the way', 'the link is down'],
    look: ['lockstep status there', 'lockstep doctor', 'nc -zv PARTNER 6973'],
  },
  'unit-unreachable': {
    causes: [
      'the daemon does not run',
      '--dir names another directory',
      'the command was not typed as its user',
    ],
    look: ['systemctl status lockstep', 'lockstep serve --dir DIR'],
  },
  'weak-passphrase': {
    causes: ['it has fewer than 12 characters or 4 words'],
    look: ['A sentence of four words'],
  },
  'file-exists': { causes: ['a bundle of that name was made before'], look: ['Another name with -o'] },
  'newer-format': {
    causes: ['the bundle was made by a later Lockstep'],
    look: ['Update Lockstep here first'],
  },
  'not-a-bundle': {
    causes: ['the wrong file', 'it was made by hand with compression'],
    look: ['file FILE', 'gpg --list-packets FILE'],
  },
  'wrong-passphrase': {
    causes: ['mistyped, or that of another bundle', 'that of the other unit: each has its own'],
    look: ['Try it with gpg -d FILE | tar tz'],
  },
  'damaged-bundle': {
    causes: ['the file was cut short or changed on its way'],
    look: ['Compare its size and hash with the original', 'Use another bundle'],
  },
  'unit-busy': {
    causes: ['the daemon runs already', 'a command works on the directory'],
    look: ['systemctl status lockstep', 'fuser DIR/store/*'],
  },
  'unit-exists': {
    causes: ['lockstep init was typed before'],
    look: ['lockstep serve --dir DIR', 'Another --dir'],
  },
  'no-unit': {
    causes: ['--dir or LOCKSTEP_DIR names the wrong directory', 'lockstep init was never typed'],
    look: ['ls DIR/keys'],
  },
  'lax-permissions': {
    causes: ['a file was copied with cp or edited as another user'],
    look: ['chmod go= FILE', 'If others could read it, make the unit anew and pair it with --replace'],
  },
  disk: {
    causes: ['the disk is full, or its quota used up', 'the file system is read-only after a fault'],
    look: ['df -h DIR; df -i DIR', 'dmesg', 'lockstep backup prune --dry-run'],
  },
  'port-in-use': {
    causes: ['another daemon, or another program, listens there'],
    look: ['ss -ltnp', '--listen and --port of lockstep serve'],
  },
  'damaged-store': {
    causes: ['a failing disk or memory', 'somebody wrote into the files of the store'],
    look: ['lockstep verify-store', 'lockstep rebuild --from-partner; on a single unit restore a bundle'],
  },
  internal: {
    causes: ['a fault in Lockstep'],
    look: ['LOCKSTEP_DEBUG=1 and the command once more', 'lockstep support-bundle, and report it'],
  },
  'restore-configuration': { causes: ['the wrong file was named'], look: ['lockstep restore FILE'] },
  'restore-no-certificate': {
    causes: ['the bundle holds none of what was selected', 'a name is misspelt'],
    look: ['lockstep backup inspect FILE', 'lockstep certs restore FILE --select full --dry-run'],
  },
  'restore-key-unfit': {
    causes: ['a key was exchanged before the bundle was made'],
    look: ['Restore the other certificates by their names', 'Another bundle may have the right key'],
  },
  'certificates-differ': {
    causes: ['a certificate was renewed after the bundle was made', 'the bundle is of another pair'],
    look: ['The plan shows both validities', '--newer, --replace or --keep says which one stands'],
  },
  'certificate-refused': {
    causes: [
      'another key',
      'a chain that does not hold',
      'an expired date',
      'a weak key or hash',
      'it is not for servers',
    ],
    look: ['Each finding in the answer', 'openssl x509 -in FILE -noout -text'],
  },
  'certificate-exists': {
    causes: ['it is to be renewed', 'the name was chosen twice'],
    look: ['lockstep certs show NAME', '--replace takes its place'],
  },
  'certificate-in-use': {
    causes: ['a Virtual Service still shows it'],
    look: ['The message names who uses it', 'lockstep certs list'],
  },
  'certificate-older': {
    causes: ['the folder certs.d of this unit was not kept up to date while the other one was active'],
    look: ['lockstep certs show NAME', 'lockstep certs add NAME FILE --replace takes it all the same'],
  },
  'no-such-certificate': { causes: ['a name is misspelt', 'it was removed'], look: ['lockstep certs list'] },
  'certificate-unreadable': {
    causes: ['the file is cut short, or is no certificate'],
    look: ['openssl x509 -in FILE -noout -text', 'Export it again where it came from'],
  },
  'certificate-missing': {
    causes: ['only a key, or only a request, was given'],
    look: ['Give the certificate as PEM, DER or PFX'],
  },
  'certificates-several': {
    causes: ['files of two certificates were given at once'],
    look: ['Give one certificate and those that lead to its root'],
  },
  'key-unreadable': {
    causes: ['the file is cut short, or is no private key', 'a cipher that nobody should use any more'],
    look: ['openssl pkey -in FILE -noout'],
  },
  'key-unfit': {
    causes: ['the key of another certificate, or the one from before a renewal'],
    look: ['Compare openssl pkey -pubout of the key with openssl x509 -pubkey of the certificate'],
  },
  'keys-several': {
    causes: ['files of two certificates were given at once'],
    look: ['Give the key that belongs to the certificate, and no other'],
  },
  'passphrase-needed': {
    causes: ['the key or the PFX is encrypted'],
    look: ['--passphrase-file, --passphrase-fd, or type it at a terminal'],
  },
  'role-refused': {
    causes: ['the operator was let in with a smaller role', 'operators and passwords are for the role admin'],
    look: ['lockstep operator list', 'An admin changes the role'],
  },
  'unknown-host-key': {
    causes: ['this machine never spoke with the unit', 'known_hosts of another user is meant'],
    look: ['Compare the fingerprint with lockstep status on the unit', '--host-key FINGERPRINT in scripts'],
  },
  'hook-failed': {
    causes: ['the program is missing, not executable, or took too long', 'it ended with an error'],
    look: ['ls -l DIR/hooks', 'Run it by hand with the facts of the alert on its standard input'],
  },
  'bad-proof': {
    causes: ['the file was changed', 'the signatures are of other units than those that were pinned'],
    look: ['lockstep audit proof -o FILE makes a new one', 'The fingerprints: lockstep status on both units'],
  },
  'replace-step': {
    causes: [
      'a unit does not stand as the step needs it',
      'an old unit came back',
      'a bundle of another unit',
    ],
    look: ['lockstep replace status', 'docs/REPLACEMENT.md tells each step and how to go back from it'],
  },
  'no-replacement': {
    causes: ['no plan was made yet', 'the command was typed in another folder than the plan'],
    look: ['lockstep replace plan FILE.yaml', '--state DIR names the folder'],
  },
};
