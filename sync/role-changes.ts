import { Turn } from '../host/turn.ts';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import { holdsNothingOfItsOwn } from './fall-back.ts';
import type { LinkContext } from './link-context.ts';
import type { Effect } from './state.ts';

type EffectOf<Do extends Effect['do']> = Extract<Effect, { do: Do }>;

/** Carries out what a takeover needs on both sides: the step-down, and the new roles. */
export class RoleChanges {
  private readonly link: LinkContext;
  /** One change of the role after the other: the next one is decided by what the last one did. */
  private readonly turn = new Turn();

  constructor(link: LinkContext) {
    this.link = link;
  }

  async askStepDown({ run, epoch, force }: EffectOf<'ask-step-down'>): Promise<void> {
    const { link } = this;
    try {
      const { digest } = link.options.own();
      const { partner } = link.state;
      const reply = await link
        .linked()
        .ask(id => ({ type: 'step-down', id, epoch, force, digest }), 'stepped-down');
      link.ownChanged();
      const free = partner !== undefined && holdsNothingOfItsOwn(partner) && reply.digest === partner.digest;
      if (!force && !free && reply.digest !== link.state.own.digest)
        throw new LockstepError(
          'takeover-incomplete',
          'The partner stepped down with another state than this unit holds.',
        );
      link.feed({ type: 'stepped-down', run });
    } catch (error) {
      link.feed({ type: 'not-stepped-down', run, error: asLockstepError(error).toJSON() });
    }
  }

  async becomeActive({
    ticket,
    epoch,
    partnerSteppedDown,
    overrules,
  }: EffectOf<'become-active'>): Promise<void> {
    const { link } = this;
    const { own, setRole, store } = link.options;
    try {
      await this.turn.take(async () => {
        // Meanwhile it may have stood down for a partner that becomes active in this very epoch.
        if (own().epoch >= epoch)
          throw new LockstepError(
            'stale-epoch',
            `The partner took over in epoch ${epoch} at this very moment.`,
            { hint: 'Try again.' },
          );
        return setRole('active', epoch);
      });
      if (overrules !== undefined) await store.overrule(overrules);
      link.ownChanged();
      link.settle(ticket, { epoch, partnerSteppedDown });
    } catch (error) {
      link.settle(ticket, asLockstepError(error));
    }
  }

  async becomeStandby({ ticket, epoch, digest }: EffectOf<'become-standby'>): Promise<void> {
    const { link } = this;
    try {
      const done = await this.turn.take(() => link.options.setRole('standby', epoch, digest));
      link.ownChanged();
      if (done) link.settle(ticket, { epoch });
      else
        link.settle(
          ticket,
          new LockstepError('conflict', 'The configuration changed at this very moment.', {
            hint: 'Try again.',
          }),
        );
    } catch (error) {
      link.settle(ticket, asLockstepError(error));
    }
  }
}
