import { asLockstepError } from '../schema/error.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import { BranchExchange } from './branch-exchange.ts';
import type { Channel } from './channel.ts';
import { type Evidence, type HistoryAnswer, questionTo } from './fall-back.ts';
import { findFork } from './fork.ts';
import type { LinkContext } from './link-context.ts';
import type { Hello } from './message.ts';
import type { Requests } from './requests.ts';
import { greetingOf, heldBack } from './state.ts';

/** Says who this unit is, and looks into the own history for what a greeting of the partner asks of it. */
export class Greeter {
  private readonly link: LinkContext;
  private readonly branches: BranchExchange;
  private findingFork = false;

  constructor(link: LinkContext) {
    this.link = link;
    this.branches = new BranchExchange(link.options.store, link.options.onTrouble);
  }

  greeting(): Hello {
    const { store, own, clock } = this.link.options;
    const beside = { branches: store.branches.open(), heldBack: heldBack(this.link.state)?.records ?? 0 };
    return greetingOf(own(), clock().wall, beside);
  }

  /** `isCurrent`: no other connection has taken the place of this one, and begun with a greeting of its own. */
  async greet(
    { channel, requests }: { channel: Channel; requests: Requests },
    isCurrent: () => boolean,
  ): Promise<void> {
    try {
      const own = this.greeting();
      const reply = await requests.ask(id => ({ type: 'hello', id, ...own }), 'hello-too');
      const { type: _type, re: _re, ...hello } = reply;
      const question = questionTo(this.link.options.own(), hello);
      const history = question && (await this.historyAnswer(question));
      if (!isCurrent()) return;
      if (history !== undefined) this.link.ownChanged();
      const unknown = this.lacksBranchOf(hello);
      this.link.feed({ type: 'heard', hello, greeting: true, history, unknown });
      await this.branches.greeted(requests, hello);
      if (unknown && !this.lacksBranchOf(hello)) this.link.feed({ type: 'copied' });
    } catch (error) {
      channel.close(asLockstepError(error).message);
    }
  }

  /** The partner greeted on a connection where it asks. */
  async heard(hello: Hello): Promise<void> {
    const { own, onTrouble } = this.link.options;
    const question = questionTo(own(), hello);
    if (question === undefined) {
      this.link.feed({ type: 'heard', hello, greeting: false });
      return;
    }
    try {
      const history = await this.historyAnswer(question);
      this.link.ownChanged(); // judged by what stands now: a commit may not have been told yet
      this.link.feed({ type: 'heard', hello, greeting: false, history });
    } catch (error) {
      onTrouble(asLockstepError(error));
    }
  }

  /** Asks until it is answered: at the latest at the next greeting. */
  async findFork({ store: id, from }: Evidence): Promise<void> {
    if (this.findingFork) return;
    this.findingFork = true;
    const { store, clock, onFellBack, onTrouble } = this.link.options;
    try {
      const asks = this.link.state.partner?.witnessed !== undefined;
      const fork = await findFork(store, async revisions =>
        asks
          ? (await this.link.linked().ask(ask => ({ type: 'known', id: ask, revisions }), 'known-is'))
              .revision
          : 0,
      );
      const [found, digest] = [await store.revision(fork), await store.digestAt(fork)];
      const seen = new Date(clock().wall).toISOString();
      const fellBack = { revision: fork, digest: digest ?? EMPTY_DIGEST, at: found?.at ?? '', from, seen };
      await store.setFellBack(fellBack, id);
      if (store.head.fellBack?.seen === seen) onFellBack?.(fellBack);
      this.link.ownChanged();
    } catch (error) {
      onTrouble(asLockstepError(error));
    } finally {
      this.findingFork = false;
    }
  }

  private lacksBranchOf({ branches }: Hello): boolean {
    return branches.some(name => !this.link.options.store.branches.has(name));
  }

  private async historyAnswer(question: { revision: number; common: string }): Promise<HistoryAnswer> {
    const { store } = this.link.options;
    const { revision, common } = question;
    // It may have been held longer ago than the history reaches.
    const knowsCommon =
      common === '' ||
      (await store.oldestRevision()) > 0 ||
      (await store.revisionWithDigest(common)) !== undefined;
    return { stoodAt: await store.digestAt(revision), knowsCommon };
  }
}
