/** One line of the product made wrong on purpose: `from` stands in `file` exactly once, `to` takes its place. */
export interface Mutation {
  name: string;
  changes: { file: string; from: string; to: string }[];
  /** Why no seed finds it; the mutations without it are found. */
  hiddenBy?: string;
}

const one = (name: string, file: string, from: string, to: string, hiddenBy?: string): Mutation => ({
  name,
  changes: [{ file, from, to }],
  ...(hiddenBy === undefined ? {} : { hiddenBy }),
});

const BASE_CHECK = 'if (update.base !== head.digest) throw baseDiffers(update, head);';
const DIGEST_CHECK = 'if (target !== undefined && digest !== target) throw digestDiffers(digest, target);';

export const MUTATIONS: Mutation[] = [
  one(
    'an update of a lower epoch is taken',
    'store/taken-records.ts',
    'if (update.epoch < head.epoch) throw staleEpoch(update, head);',
    '',
  ),
  one(
    'an update is taken on another base',
    'store/take-update.ts',
    BASE_CHECK,
    '',
    'the digest that the update must give',
  ),
  one(
    'an update is taken that gives another digest',
    'store/revision-writer.ts',
    DIGEST_CHECK,
    '',
    'the check of the base: from the right one, the right changes are sent',
  ),
  {
    name: 'an update is taken on another base, and whatever digest it gives',
    changes: [
      { file: 'store/take-update.ts', from: BASE_CHECK, to: '' },
      { file: 'store/revision-writer.ts', from: DIGEST_CHECK, to: '' },
    ],
  },
  one(
    'an active unit takes updates',
    'store/taken-records.ts',
    "if (head.role !== 'standby') throw notStandby(update, head);",
    '',
  ),
  one(
    'a standby takes commits of shared records',
    'store/propose.ts',
    "(onStandby === 'own' && transitions.some(touchesPair))",
    'false',
  ),
  one(
    'a commit is told as done before it is durable',
    'store/revision-writer.ts',
    'const written = await port.batch({',
    'const written = true; void port.batch({',
  ),
  one(
    'the records of a commit are written before its head',
    'store/revision-writer.ts',
    'await this.writeHead(head, {\n      put: [...halves.put, ...tree.put, ...indexes.put, ...revisionEntries(header, spelled), ...put],',
    'await port.batch({ expect: [], put: [...halves.put, ...tree.put], remove: halves.remove });\n    await this.writeHead(head, {\n      put: [...indexes.put, ...revisionEntries(header, spelled), ...put],',
  ),
  one(
    'the role is written before its epoch',
    'store/store.ts',
    'await this.writer.keepInHead({ role, epoch });',
    'await this.writer.keepInHead({ role });\n      await this.writer.keepInHead({ epoch });',
  ),
  one('the epoch of a role may go back', 'store/store.ts', 'if (epoch < this.head.epoch)\n', 'if (false)\n'),
  one(
    'an update does not raise the epoch of who takes it',
    'store/revision-writer.ts',
    'epoch: why.epoch ?? this.current.epoch,',
    'epoch: this.current.epoch,',
  ),
  one(
    'an update takes the own half of a unit away',
    'store/taken-records.ts',
    'const after = { pair: value ?? undefined, unit: before.unit };',
    'const after = { pair: value ?? undefined, unit: undefined };',
  ),
  one(
    'an update carries the own half of a unit',
    'store/store.ts',
    '.map(({ path, after }) => ({ path, value: after.pair ?? null }));',
    '.map(({ path, after }) => ({ path, value: after.pair === undefined ? null : { ...after.pair, ...after.unit } }));',
  ),
  one(
    'an update by history leaves removals out',
    'store/store.ts',
    '.filter(touchesPair)\n      .map',
    '.filter(touchesPair)\n      .filter(({ after }) => after.pair !== undefined)\n      .map',
    'the digest that the update must give; the walk of the digest tree then mends it',
  ),
  one(
    'an update by the digest tree leaves removals out',
    'sync/outgoing.ts',
    "for (const path of removals) yield [{ path, value: 'null' }];",
    '',
  ),
  one(
    'a receipt that names another digest is believed',
    'sync/update-steps.ts',
    'if (event.digest !== work.target || state.partner === undefined)',
    'if (state.partner === undefined)',
    'the store of the receiver, which writes only what gives the promised digest',
  ),
  one(
    'a commit that came during an update waits for the interval',
    'sync/update-steps.ts',
    '(own.everyCommit && wantsUpdate(idle))',
    'false',
    'the greeting behind the receipt, which begins the next update as well',
  ),
  one(
    'the common digest is set before the receipt',
    'sync/update-run.ts',
    'const header = { epoch, base, target, revision, brought, provisional, confirmed };',
    'await store.setCommon(target, revision);\n    const header = { epoch, base, target, revision, brought, provisional, confirmed };',
  ),
  one(
    'a unit sends its first update without a mark of it',
    'sync/update-run.ts',
    'if (!own().established) await store.setCommon(EMPTY_DIGEST, 0);',
    '',
  ),
  one(
    'a takeover does not look whether its epoch is taken meanwhile',
    'sync/role-changes.ts',
    'if (own().epoch >= epoch)',
    'if (false)',
  ),
  one(
    'changes of the role do not wait for each other',
    'sync/role-changes.ts',
    'private readonly turn = new Turn();',
    'private readonly turn = { take: <T>(act: () => T | Promise<T>): Promise<T> => Promise.resolve().then(act) };',
  ),
  one(
    'a unit stands down whatever it holds by then',
    'sync/role-changes.ts',
    "setRole('standby', epoch, digest)",
    "setRole('standby', epoch)",
    'the unit that takes over, which compares the digest in the answer with its own',
  ),
  one(
    'a unit takes over although its partner stood down with another state',
    'sync/role-changes.ts',
    'if (!force && !free && reply.digest !== link.state.own.digest)',
    'if (false)',
    'the partner, which stands down only while it holds what it decided by',
  ),
  {
    name: 'a unit stands down whatever it holds by then, and its partner does not compare',
    changes: [
      {
        file: 'sync/role-changes.ts',
        from: "setRole('standby', epoch, digest)",
        to: "setRole('standby', epoch)",
      },
      {
        file: 'sync/role-changes.ts',
        from: 'if (!force && !free && reply.digest !== link.state.own.digest)',
        to: 'if (false)',
      },
    ],
  },
  one(
    'a unit stands down although it has changes that were not sent',
    'sync/takeover-steps.ts',
    "if (state.own.role === 'standby' || (idle && state.own.digest === digest))",
    'if (true)',
  ),
  one(
    'a unit stands down while an update is on its way',
    'sync/takeover-steps.ts',
    '(idle && state.own.digest === digest)',
    '(state.own.digest === digest)',
    'the unit that takes over, which compares the digest in the answer with its own',
  ),
  one(
    'a takeover does not look at the epoch of the partner',
    'sync/takeover-steps.ts',
    'const epoch = Math.max(state.own.epoch, state.partner?.epoch ?? 0) + 1;',
    'const epoch = state.own.epoch + 1;',
  ),
  one(
    'two units that take over at once stand down for each other',
    'sync/takeover-steps.ts',
    "if (state.work.step === 'taking-over') {\n    return",
    'if (false) {\n    return',
    'the look at the epoch when the turn of a role comes: the second change finds it taken',
  ),
  one(
    'an old active unit stands down although it has changes of its own',
    'sync/machine.ts',
    'own.digest === own.common',
    'true',
  ),
  one(
    'a unit that undid a change which its partner took stands down',
    'sync/machine.ts',
    'own.digest === partner.common ||\n      (partner.common === EMPTY_DIGEST && own.digest === own.common)',
    'own.digest === own.common',
    'the ledger itself: to it, a commit that leads back to an earlier state is in effect wherever that state was',
  ),
  one(
    'an active unit stands down for one that was never in step with anybody',
    'sync/machine.ts',
    'partner.established &&\n',
    '\n',
    'the other unit, which is new to the pair and sends nothing',
  ),
  one(
    'an active unit stands down for one of another pair',
    'sync/machine.ts',
    'own.pairId === partner.pairId &&\n',
    '\n',
    'nothing: no unit is active then, which is a named state; conversation.test.ts holds it',
  ),
  one(
    'units of different pairs exchange configuration',
    'sync/pair-state.ts',
    "['pair identity', own.pairId, partner.pairId, own.pairId === partner.pairId],",
    '',
  ),
  one(
    'a new unit speaks for the pair',
    'sync/pair-state.ts',
    'if (!empty && (own.established || !partner.established)) return',
    'if (!empty) return',
  ),
  one(
    'a unit that was never updated takes over',
    'sync/takeover-refusal.ts',
    '(!own.established && !(forced && partner?.established !== true))',
    'false',
    'the unit itself, which sends nothing as long as it is new to the pair',
  ),
  one(
    'an active unit sends to an active one',
    'sync/pair-state.ts',
    "if (partner.role === 'active') {",
    'if (false) {',
    'the receiver, which refuses an update while it is active',
  ),
  one(
    'a unit sends to a partner that stood down for it in a higher epoch',
    'sync/pair-state.ts',
    'if (isTakeoverUnfinished(own, partner)) return unfinishedTakeover(own, partner);',
    '',
    'the receiver, which refuses the lower epoch',
  ),
  one(
    'frames of an update are taken in any order',
    'sync/responder.ts',
    'if (message.sequence !== staged.next)',
    'if (false)',
    'the digest that the update must give',
  ),
  one(
    'a unit stands down for an epoch that is over',
    'sync/responder.ts',
    'if (request.epoch <= own.epoch)',
    'if (request.epoch < own.epoch)',
    'the unit that asked, which takes no epoch twice; no unit is active then, which is a named state',
  ),
  one(
    'a unit whose disk fell back sends updates',
    'sync/pair-state.ts',
    'if (hasFallenBack(state)) return fallenBack(state);',
    '',
  ),
  {
    name: 'a unit whose disk fell back sends updates, and its partner takes them',
    changes: [
      {
        file: 'sync/pair-state.ts',
        from: 'if (hasFallenBack(state)) return fallenBack(state);',
        to: '',
      },
      { file: 'store/take-update.ts', from: 'assertNotOlder(update, head);', to: '' },
    ],
  },
  one(
    'what a power cut brought back is taken for an edit',
    'store/mirror/verdict.ts',
    "if (earlier.includes(hash)) return 'stale';",
    '',
  ),
  one(
    'the mirror forgets what stood in a file before it is durable',
    'store/mirror/memory.ts',
    'const earlier = [...before.earlier, ...stood.filter(each => each !== hash)];',
    'const earlier: string[] = [];',
  ),
  one(
    'an edit that the disk kept is set aside after a power cut',
    'store/mirror/verdict.ts',
    "return isAfterBoot || durableAt !== undefined ? 'edit' : 'doubtful';",
    "return isAfterBoot ? 'edit' : 'doubtful';",
  ),
  one(
    'whatever is found after a power cut is written over',
    'store/mirror/verdict.ts',
    "if (reboot === undefined) return 'edit';",
    "if (reboot === undefined) return 'edit';\n  if (known.length > 0) return 'stale';",
  ),
  one(
    'old revisions go although the partner has not got what came after them',
    'unit/store-care/history-needs.ts',
    "if (common !== '') needs.push({ revision: commonRevision, by: 'partner' });",
    '',
  ),
  one(
    'a digest is forgotten with the first revision that had it',
    'store/pruning.ts',
    'if (holder?.toString() === String(number) && !this.writes.has(digest)) {',
    'if (holder !== undefined && !this.writes.has(digest)) {',
  ),
  one(
    'the oldest revision that is kept goes with those before it',
    'store/pruning.ts',
    'to: keys.revision(oldest) };',
    'to: keys.revision(oldest + 1) };',
  ),
  one(
    'a unit whose disk fell back gives way although it was changed since',
    'sync/fall-back.ts',
    'return fellBack !== undefined && !fellBack.own;',
    'return fellBack !== undefined;',
  ),
];
