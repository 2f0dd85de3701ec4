import type { JsonObject } from '../schema/json.ts';
import type {
  ApplyRequest,
  BackupRequest,
  ChangeRequest,
  ImportRequest,
  MergeRequest,
  PauseRequest,
  RestoreRequest,
  SendBackupRequest,
  ShowRequest,
  UnitFace,
} from '../unit/face.ts';
import { BytesAnswer, FACTS_HEADER } from './bytes.ts';
import * as schemas from './schemas.ts';

/** What a handler gets; query and body were checked against the schemas of the route. */
export interface RouteInput {
  query: unknown;
  body: unknown;
  author: string;
}

/** One route is one method of the unit. */
export interface Route {
  method: 'GET' | 'POST';
  url: string;
  summary: string;
  query?: JsonObject;
  body?: JsonObject;
  answer: JsonObject;
  /** The body is a file, which the method reads as it comes; `body` is not looked at. */
  upload?: boolean;
  /** Default: JSON. */
  type?: string;
  call(unit: UnitFace, input: RouteInput): Promise<unknown>;
}

type Body<Request> = Omit<Request, 'author'>;
type Arguments<Method extends (request: never) => unknown> = Body<Parameters<Method>[0]>;

const { closed } = schemas;

export const ROUTES: Route[] = [
  {
    method: 'GET',
    url: '/v1/status',
    summary: 'Role, revision, partner, and whether the pair is in step',
    answer: schemas.status,
    call: unit => unit.status(),
  },
  {
    method: 'GET',
    url: '/v1/config',
    summary: 'The configuration, or the part of it at a path; secrets are masked',
    query: closed({ path: schemas.path, defaults: schemas.defaults }),
    answer: schemas.showAnswer,
    call: (unit, { query }) => unit.show({ ...(query as ShowRequest) }),
  },
  {
    method: 'GET',
    url: '/v1/describe',
    summary: 'What may stand at a path, and which paths could come next',
    query: closed({ path: schemas.path, startsWith: schemas.startsWith }),
    answer: schemas.description,
    call: (unit, { query }) => {
      const { path = '', startsWith } = query as { path?: string; startsWith?: string };
      return unit.describe(path, startsWith);
    },
  },
  {
    method: 'POST',
    url: '/v1/changes',
    summary: 'Change records and fields, all of them or none',
    body: schemas.changeRequest,
    answer: schemas.changeAnswer,
    call: (unit, { body, author }) => unit.change({ ...(body as Body<ChangeRequest>), author }),
  },
  {
    method: 'POST',
    url: '/v1/apply',
    summary: 'Make the configuration say what a document says',
    body: schemas.applyRequest,
    answer: schemas.changeAnswer,
    call: (unit, { body, author }) => unit.apply({ ...(body as Body<ApplyRequest>), author }),
  },
  {
    method: 'POST',
    url: '/v1/import/loadmaster',
    summary: 'Take over the configuration of a LoadMaster from its captures',
    body: schemas.importRequest,
    answer: schemas.importAnswer,
    call: (unit, { body, author }) => unit.importLoadMaster({ ...(body as Body<ImportRequest>), author }),
  },
  {
    method: 'POST',
    url: '/v1/restore/upload',
    summary: 'Take in an encrypted bundle, as application/octet-stream; kept for half an hour',
    upload: true,
    answer: schemas.uploadAnswer,
    call: (unit, { body }) => unit.upload(body as Arguments<UnitFace['upload']>),
  },
  {
    method: 'POST',
    url: '/v1/restore/drop',
    summary: 'Forget a bundle that was taken in',
    body: schemas.dropUploadRequest,
    answer: schemas.droppedUpload,
    call: (unit, { body }) => unit.dropUpload((body as { upload: string }).upload),
  },
  {
    method: 'POST',
    url: '/v1/restore',
    summary: 'Make parts of the configuration what a bundle that was taken in says',
    body: schemas.restoreRequest,
    answer: schemas.restoreAnswer,
    call: (unit, { body, author }) => unit.restore({ ...(body as Body<RestoreRequest>), author }),
  },
  {
    method: 'POST',
    url: '/v1/backup/drill',
    summary:
      'Restore a bundle that was taken in on a scratch unit, and compare; the unit remembers the result',
    body: schemas.drillRequest,
    answer: schemas.drillAnswer,
    call: (unit, { body }) => unit.drill(body as Arguments<UnitFace['drill']>),
  },
  {
    method: 'POST',
    url: '/v1/backup/send',
    summary: 'Send a bundle of the folder of the unit to another host by SFTP',
    body: schemas.sendBackupRequest,
    answer: schemas.sentBackup,
    call: (unit, { body }) => unit.sendBackup(body as SendBackupRequest),
  },
  {
    method: 'GET',
    url: '/v1/backup/bundles',
    summary: 'The bundles in the folder of the unit, and which of them a drill has proved',
    answer: schemas.shelvedBundles,
    call: unit => unit.shelvedBundles(),
  },
  {
    method: 'POST',
    url: '/v1/backup/prune',
    summary: 'Remove the bundles that the retention policy does not keep',
    body: schemas.pruneRequest,
    answer: schemas.pruneAnswer,
    call: (unit, { body }) => unit.pruneBackups(body as Arguments<UnitFace['pruneBackups']>),
  },
  {
    method: 'GET',
    url: '/v1/history',
    summary: 'Revisions, newest first',
    query: closed({ path: schemas.path, limit: schemas.limit }),
    answer: schemas.historyAnswer,
    call: (unit, { query }) => unit.history({ ...(query as Arguments<UnitFace['history']>) }),
  },
  {
    method: 'GET',
    url: '/v1/diff',
    summary: 'What differs between two revisions, record by record; without `to`, up to now',
    query: closed({ from: schemas.revision, to: schemas.revision }, ['from']),
    answer: schemas.diffAnswer,
    call: (unit, { query }) => unit.diff({ ...(query as Arguments<UnitFace['diff']>) }),
  },
  {
    method: 'POST',
    url: '/v1/rollback',
    summary: 'Make the configuration what it was at a revision, as a new revision',
    body: schemas.rollbackRequest,
    answer: schemas.changeAnswer,
    call: (unit, { body, author }) => unit.rollback({ ...(body as Arguments<UnitFace['rollback']>), author }),
  },
  {
    method: 'POST',
    url: '/v1/confirm',
    summary: 'Keep the change that waits to be confirmed, or take it back',
    body: schemas.confirmRequest,
    answer: schemas.confirmAnswer,
    call: (unit, { body, author }) => unit.confirm({ ...(body as Arguments<UnitFace['confirm']>), author }),
  },
  {
    method: 'GET',
    url: '/v1/branches',
    summary: 'What one side changed while the pair was divided; newest first, merged ones too',
    answer: schemas.branchesAnswer,
    call: unit => unit.branches(),
  },
  {
    method: 'POST',
    url: '/v1/merge',
    summary: 'Lay a branch over what stands now, as a new revision',
    body: schemas.mergeRequest,
    answer: schemas.mergeAnswer,
    call: (unit, { body, author }) => unit.merge({ ...(body as Body<MergeRequest>), author }),
  },
  {
    method: 'POST',
    url: '/v1/force-update',
    summary: 'Update the standby now; answers with its receipt',
    body: schemas.nothing,
    answer: schemas.receipt,
    call: (unit, { author }) => unit.forceUpdate({ author }),
  },
  {
    method: 'POST',
    url: '/v1/takeover',
    summary: 'Make this unit the active one',
    body: schemas.takeoverRequest,
    answer: schemas.takeoverAnswer,
    call: (unit, { body, author }) => unit.takeover({ ...(body as Arguments<UnitFace['takeover']>), author }),
  },
  {
    method: 'POST',
    url: '/v1/pause',
    summary: 'Stop sending updates, for good or for some seconds',
    body: schemas.pauseRequest,
    answer: schemas.pause,
    call: (unit, { body, author }) => unit.pause({ ...(body as Body<PauseRequest>), author }),
  },
  {
    method: 'POST',
    url: '/v1/resume',
    summary: 'Send updates again; a pacified unit takes part again',
    body: schemas.nothing,
    answer: schemas.resumeAnswer,
    call: (unit, { author }) => unit.resume({ author }),
  },
  {
    method: 'POST',
    url: '/v1/confirm-source',
    summary: 'Let what was restored on this unit go out to the partner',
    body: schemas.nothing,
    answer: schemas.confirmSourceAnswer,
    call: (unit, { author }) => unit.confirmSource({ author }),
  },
  {
    method: 'POST',
    url: '/v1/pair/invite',
    summary: 'Make a one-time code for the other unit',
    body: schemas.inviteRequest,
    answer: schemas.invitation,
    call: (unit, { body }) => unit.invite(body as Arguments<UnitFace['invite']>),
  },
  {
    method: 'POST',
    url: '/v1/pair/join',
    summary: 'Pair with the unit that made the code',
    body: schemas.joinRequest,
    answer: schemas.pairedAnswer,
    call: (unit, { body }) => unit.join(body as Arguments<UnitFace['join']>),
  },
  {
    method: 'POST',
    url: '/v1/pair/unpair',
    summary: 'Forget the partner: its keys are not accepted any more',
    body: schemas.nothing,
    answer: schemas.unpairedAnswer,
    call: unit => unit.unpair(),
  },
  {
    method: 'POST',
    url: '/v1/mirror/restore',
    summary: 'Overwrite a file under config/ that could not be committed with what the unit holds',
    body: schemas.restoreFileRequest,
    answer: schemas.restoredFile,
    call: (unit, { body }) => unit.restoreFile((body as { file: string }).file),
  },
  {
    method: 'POST',
    url: '/v1/store/verify',
    summary: 'Verify the whole store now; answers when that is done',
    body: schemas.nothing,
    answer: schemas.verifyAnswer,
    call: unit => unit.verifyStore(),
  },
  {
    method: 'POST',
    url: '/v1/store/rebuild',
    summary: 'Throw the store away and get everything from the partner; the unit starts again',
    body: schemas.rebuildRequest,
    answer: schemas.rebuildAnswer,
    call: (unit, { body }) => unit.rebuild(body as Arguments<UnitFace['rebuild']>),
  },
  {
    method: 'POST',
    url: '/v1/backup',
    summary: `One state of the configuration as an encrypted bundle; the header ${FACTS_HEADER} tells what it is`,
    body: schemas.backupRequest,
    answer: schemas.bundle,
    type: 'application/octet-stream',
    call: async (unit, { body }) => {
      const { bytes, facts } = await unit.backup(body as BackupRequest);
      return new BytesAnswer(bytes, facts);
    },
  },
  {
    method: 'GET',
    url: '/metrics',
    summary: 'Figures for Prometheus',
    answer: schemas.metrics,
    type: 'text/plain; version=0.0.4; charset=utf-8',
    call: unit => unit.metrics(),
  },
];
