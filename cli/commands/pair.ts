import { setTimeout as pause } from 'node:timers/promises';
import type { Invitation, JoinRequest, PairedAnswer } from '../../api/contract/pair.ts';
import type { PartnerStatus } from '../../api/contract/status.ts';
import { isEveryAddress } from '../../schema/address.ts';
import { LockstepError } from '../../schema/error.ts';
import type { CliCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import { formatHost, parseHost, typedHost } from '../host-argument.ts';
import { windowColumns } from '../output.ts';
import { withProgress } from '../progress.ts';
import { askText, confirmed } from '../prompt.ts';
import { readText } from '../read.ts';
import { localTime, until } from '../time.ts';
import { wrapProse } from '../wrap.ts';

interface Options {
  invite?: boolean;
  code?: string;
  replace?: boolean;
  yes?: boolean;
}

export const command: CliCommand<[string | undefined], Options> = {
  define: command => {
    command
      .argument('[host[:port]]', 'the unit that made the code; or where the partner is now')
      .option('--invite', 'make a one-time code for the other unit')
      .option('--code <code>', 'the code that the other unit printed; - reads it from standard input')
      .option('--replace', 'give up the partner that this unit has, for the other unit')
      .option('--yes', 'do not ask before the partner is replaced')
      .addHelpText(
        'after',
        `
With HOST alone: the partner that this unit has is there from now on. It must answer there, with the key that is pinned.`,
      );
  },

  examples: [
    'lockstep pair --invite',
    'lockstep pair 10.0.0.11 --code CODE',
    'lockstep pair 10.0.0.11 --code - < code.txt',
    'lockstep pair 10.0.0.21',
    'lockstep pair --invite --replace',
    'lockstep pair 10.0.0.12 --code CODE --replace --yes',
  ],

  async run(context, options, host) {
    if (options.invite === true) return invite(context, options, host);
    if (host === undefined) {
      throw new LockstepError('bad-usage', 'Which unit?', {
        hint: 'Type lockstep pair --invite on one unit, then on the other what that prints.',
      });
    }
    const code = await codeFrom(context, options.code);
    const request = { ...given(parseHost(host)), ...(code === undefined ? {} : { code }) };
    context.out.answer(await join(context, options, request), formatPaired);
    return EXIT.done;
  },
};

async function invite(
  context: Context,
  options: Options,
  host: string | undefined,
): Promise<typeof EXIT.done> {
  const { out, unit } = context;
  if (host !== undefined || options.code !== undefined) {
    throw new LockstepError('bad-usage', '--invite stands alone: it makes a code, and HOST --code uses one.');
  }
  const { partner } = await unit().call('status');
  if (options.replace !== true || partner === null) {
    out.answer(await unit().call('invite'), made => inWindow(formatInvitation(made, new Date(), partner)));
    return EXIT.done;
  }
  const old = { name: partner.name, fingerprint: partner.fingerprint };
  await confirmed(context, options.yes, givesUp(old, 'that of the unit which uses the code'));
  const invitation = await unit().call('invite', { replaces: old.fingerprint });
  out.answer(invitation, made => inWindow(formatInvitation(made, new Date())));
  if (context.interactive)
    await withProgress(
      context,
      'Waiting for the other unit',
      untilReplaced(context, old, invitation.expiresAt),
    );
  return EXIT.done;
}

/** Asks without the right to replace first: the refusal says who would make way for whom. */
async function join(context: Context, options: Options, request: JoinRequest): Promise<PairedAnswer> {
  const { unit } = context;
  try {
    return await unit().call('join', request);
  } catch (error) {
    if (options.replace !== true || !(error instanceof LockstepError) || error.code !== 'already-paired')
      throw error;
    const { partner } = await unit().call('status');
    // Otherwise it is the other unit that has a partner, and that is decided there.
    if (partner === null || partner.fingerprint !== error.facts.pinned) throw error;
    await confirmed(context, options.yes, givesUp(partner, String(error.facts.offered)));
    return unit().call('join', { ...request, replaces: partner.fingerprint });
  }
}

type Known = { name: string; fingerprint: string };

function givesUp(old: Known, next: string): string {
  return [
    `This unit is paired with ${old.name}, whose keys will no longer be accepted.`,
    keys(old, next),
  ].join('\n');
}

function keys(old: Known, next: string): string {
  return `  old key: ${old.fingerprint}\n  new key: ${next}`;
}

/** A person sees who came; a script asks status. */
async function untilReplaced({ unit, out }: Context, old: Known, expiresAt: string): Promise<void> {
  while (Date.now() < Date.parse(expiresAt)) {
    const { partner } = await unit().call('status');
    if (partner !== null && partner.fingerprint !== old.fingerprint)
      return out.note(`${partner.name} takes the place of ${old.name}.\n${keys(old, partner.fingerprint)}`);
    await pause(1_000);
  }
  out.note('Nobody used the code in time; nothing was changed.');
}

/** Undefined: the partner that this unit has is meant. */
async function codeFrom(context: Context, option: string | undefined): Promise<string | undefined> {
  if (option === '-') return (await readText('-')).trim();
  if (option !== undefined) return option.trim();
  if ((await context.unit().call('status')).partner !== null) return undefined;
  if (context.interactive) return askText('The code that the other unit printed');
  throw new LockstepError('bad-usage', 'The code is missing.', {
    hint: 'Give it with --code CODE; lockstep pair --invite on the other unit prints it.',
  });
}

function inWindow(text: string): string {
  return wrapProse(text, windowColumns());
}

/** `partner`: the only unit that the code is good for. */
export function formatInvitation(
  { code, fingerprint, expiresAt, host, port }: Invitation,
  now: Date,
  partner: Pick<PartnerStatus, 'name' | 'fingerprint'> | null = null,
): string {
  return [
    'On the other unit, type:',
    '',
    `  lockstep pair ${typedHost(isEveryAddress(host) ? 'ADDRESS-OF-THIS-UNIT' : host, port)} --code ${code}`,
    '',
    `The code works once, until ${localTime(expiresAt)} (${until(expiresAt, now)}).`,
    `It carries the key of this unit: ${fingerprint}`,
    ...(partner === null
      ? []
      : [
          `It is good for ${partner.name} only (${partner.fingerprint}). For another unit: lockstep pair --invite --replace`,
        ]),
  ].join('\n');
}

function formatPaired({ partner, replaced, replacedThere, moved }: PairedAnswer): string {
  const at = formatHost(partner.host, partner.port);
  if (moved !== undefined)
    return [
      `${partner.name} answers at ${at}, with the key that is pinned: it is dialled there from now on.`,
      ...(moved.record === undefined ? [] : [`${moved.record} says so too.`]),
      'lockstep status shows the pair.',
    ].join('\n');
  return [
    `Paired with ${partner.name} at ${at}.`,
    ...(replaced === undefined
      ? []
      : [`It takes the place of ${replaced.name}, whose key was: ${replaced.fingerprint}`]),
    `Its key, pinned from now on: ${partner.fingerprint}`,
    ...(replacedThere === undefined
      ? []
      : [
          `There, this unit takes the place of the one with the key: ${replacedThere.old}`,
          `The key of this unit, pinned there: ${replacedThere.new}`,
        ]),
    'lockstep status shows the pair.',
  ].join('\n');
}
