import { csync2Told, csync2Tree } from './csync2.ts';
import { gitDocument, gitRecords } from './git.ts';
import type { Rival } from './rival.ts';
import { rsyncDocument, rsyncTold, rsyncTree, rsyncWhole } from './rsync.ts';
import { scpDocument, scpTold } from './scp.ts';
import { unisonTold, unisonTree } from './unison.ts';

export const RIVALS: Rival[] = [
  ...[rsyncTold, rsyncTree, rsyncDocument, rsyncWhole],
  ...[scpTold, scpDocument],
  ...[gitRecords, gitDocument],
  ...[unisonTold, unisonTree],
  ...[csync2Told, csync2Tree],
];
