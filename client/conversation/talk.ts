/** Where one frontend stands: which session or save its next prompt goes to, and the stream of the session it watches. */
import type { Attachment, Client } from '../connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf } from '../../protocol/methods.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import type { Save, Session } from '../../protocol/session.ts';
import { Conversation, type Joining } from './conversation.ts';
import type { Submitted, TalkChange, TalkOptions, Target } from './talk-options.ts';

/** Events that are shown of a session that is joined; enough for the last few turns. */
const TAIL = 60;
/** After a prompt of one's own nothing may be left out between it and the newest event. */
const TAIL_AFTER_PROMPT = 500;
const SAVE_TAIL = 20;
/** How often the store may be found locked right after it was unlocked. */
const MOST_LOCKS = 3;

export class Talk {
  readonly workspace: string;
  readonly #client: Client;
  readonly #tell: (change: TalkChange) => void;
  readonly #unlock: (() => Promise<void>) | undefined;
  #isClosed = false;
  #target: Target = { kind: 'new' };
  #conversation: Conversation | undefined;
  #attachment: Attachment | undefined;
  #pendingModel: string | undefined;
  #pendingMode: ApprovalMode | undefined;
  #pendingAgent: string | undefined;
  readonly #unattended: boolean;
  readonly #defaultModel: string | undefined;
  #left: string | undefined;
  /** Moves and prompts take effect in the order in which they were asked for. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: Client, options: TalkOptions) {
    this.#client = client;
    this.#tell = (change) => {
      if (!this.#isClosed) options.tell(change);
    };
    this.#unlock = options.unlock;
    this.workspace = options.workspace;
    this.#defaultModel = options.defaultModel;
    this.#pendingModel = options.model;
    this.#pendingMode = options.mode;
    this.#pendingAgent = options.agent;
    this.#unattended = options.unattended === true;
  }

  get target(): Target {
    return this.#target;
  }

  /** The session that what is typed now belongs to; undefined before the first prompt of a new one. */
  get sessionId(): string | undefined {
    if (this.#target.kind === 'new') return undefined;
    return this.#target.kind === 'save' ? this.#target.save.sessionId : this.#target.sessionId;
  }

  /** Undefined until the first prompt of a new session, and at a save. */
  get conversation(): Conversation | undefined {
    return this.#conversation;
  }

  /** The session that `/reset` left, which is the `_autosave` of this frontend. */
  get left(): string | undefined {
    return this.#left;
  }

  /** The model that the next prompt brings along; undefined when the session's own, or the configured one, is used. */
  get wantedModel(): string | undefined {
    return this.#pendingModel ?? (this.#target.kind === 'new' ? this.#defaultModel : undefined);
  }

  /** Chooses the model for the next prompt; for a session that exists, `session/configure` does it at once. */
  wantModel(model: string): void {
    this.#pendingModel = model;
  }

  /** Nobody who could be asked sits here. */
  get isUnattended(): boolean {
    return this.#unattended;
  }

  /** The mode that the next prompt brings along; undefined when the session's own, or the configured one, is used. */
  get wantedMode(): ApprovalMode | undefined {
    return this.#pendingMode;
  }

  /** The agent that the next prompt brings along; empty for none, undefined when the session's own is used. */
  get wantedAgent(): string | undefined {
    return this.#pendingAgent;
  }

  /** Chooses for the next prompt; for a session that exists, `session/configure` does it at once. */
  wantMode(mode: ApprovalMode): void {
    this.#pendingMode = mode;
  }

  wantAgent(agent: string): void {
    this.#pendingAgent = agent;
  }

  /**
   * Gives a prompt to the session, to a new one, or to the conversation at a save.
   * @returns the place of the prompt, which is durable; its turn is followed from its beginning. When it cannot be
   *   followed, that has been told as `ended`.
   * @throws ProtocolError as `turn/submit` does; then nothing was accepted.
   */
  async submit(text: string): Promise<Submitted> {
    return this.#inOrder(async () => {
      const takeBack = this.#conversation?.expectPrompt(text);
      const model = this.wantedModel;
      const params = {
        opId: this.#client.newOpId(),
        target: this.#wireTarget(),
        prompt: [{ type: 'text' as const, text }],
      };
      let submitted: Submitted;
      try {
        submitted = await this.#give({ ...params, ...this.#wishes(), ...(model === undefined ? {} : { model }) });
        if (this.#attachment?.sessionId === submitted.sessionId) this.#conversation?.own(submitted.turn);
      } finally {
        takeBack?.();
      }
      this.#pendingModel = undefined;
      this.#pendingMode = undefined;
      this.#pendingAgent = undefined;
      if (this.#attachment?.sessionId !== submitted.sessionId) await this.#followOwn(submitted);
      return submitted;
    });
  }

  /**
   * Joins a session.
   * @param announce called with the session before its past is shown.
   */
  async open(sessionId: string, announce?: (session: Session) => void): Promise<void> {
    await this.#inOrder(async () => {
      await this.#join(sessionId, {}, TAIL, announce);
      if (this.#left === sessionId) this.#left = undefined;
    });
  }

  /** Goes to a save and shows the end of the conversation there. */
  async openSave(save: Save, announce?: (save: Save) => void): Promise<void> {
    await this.#inOrder(async () => {
      const page = await this.#client.call('save/messages', { saveId: save.id, limit: SAVE_TAIL });
      await this.#part();
      this.#target = { kind: 'save', save };
      announce?.(save);
      this.#tell({ kind: 'save-opened', save, messages: page.messages, more: page.more });
    });
  }

  /** Leaves the conversation for a new one. The old one stays, and what runs in it goes on. */
  async reset(): Promise<void> {
    await this.#inOrder(async () => {
      if (this.#target.kind === 'session') this.#left = this.#target.sessionId;
      if (this.#target.kind === 'save') this.#left = this.#target.save.sessionId;
      await this.#part();
      this.#target = { kind: 'new' };
    });
  }

  /** Cancels the running turn, or the first one that waits. @returns its number, or null when there was none. */
  async cancel(): Promise<number | null> {
    if (this.#target.kind !== 'session') return null;
    const { cancelled } = await this.#client.call('turn/cancel', { sessionId: this.#target.sessionId });
    return cancelled;
  }

  /** Says nothing more: the client is about to be closed, which ends the stream. Nothing that runs is stopped. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * Gives the prompt, once more when the store was locked meanwhile: one that was on its way when its daemon died may have
   * been accepted, and only the same operation says so.
   */
  async #give(params: ParamsOf<'turn/submit'>): Promise<Submitted> {
    for (let locks = 1; ; locks += 1) {
      try {
        return await this.#client.call('turn/submit', params);
      } catch (error) {
        const isLocked = error instanceof ProtocolError && error.kind === 'KEY_LOCKED';
        if (!isLocked || this.#unlock === undefined || locks > MOST_LOCKS) throw error;
        await this.#unlock();
      }
    }
  }

  #wishes(): Pick<ParamsOf<'turn/submit'>, 'mode' | 'agent' | 'unattended'> {
    return {
      ...(this.#pendingMode === undefined ? {} : { mode: this.#pendingMode }),
      ...(this.#pendingAgent === undefined ? {} : { agent: this.#pendingAgent }),
      ...(this.#unattended ? { unattended: true } : {}),
    };
  }

  #wireTarget() {
    const target = this.#target;
    switch (target.kind) {
      case 'new':
        return { kind: 'new' as const, workspace: this.workspace };
      case 'session':
        return { kind: 'session' as const, sessionId: target.sessionId };
      case 'save':
        return { kind: 'save' as const, saveId: target.save.id };
    }
  }

  /** Watches the session that a prompt of this frontend began or forked. */
  async #followOwn(submitted: Submitted): Promise<void> {
    const { sessionId, turn } = submitted;
    try {
      await this.#join(sessionId, { ownTurn: turn }, TAIL_AFTER_PROMPT);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      // The prompt is accepted all the same: whoever gave it must not believe that it has to be given again.
      await this.#part();
      this.#target = { kind: 'session', sessionId };
      this.#tell({ kind: 'ended', reason: error.message, deleted: false });
    }
  }

  async #join(sessionId: string, joining: Joining, tail: number, announce?: (session: Session) => void): Promise<void> {
    const conversation = new Conversation((change) => {
      if (this.#conversation !== conversation) return;
      if (change.kind === 'opened' && !change.again) announce?.(change.session);
      if (change.kind === 'ended') this.#forget(change.deleted);
      this.#tell(change);
    }, joining);
    const before = { conversation: this.#conversation, attachment: this.#attachment };
    // A client follows a session once: joining the same one again begins with leaving it.
    if (before.attachment?.sessionId === sessionId) await this.#part();
    this.#conversation = conversation;
    try {
      this.#attachment = await this.#client.attach(sessionId, conversation, { tail });
    } catch (error) {
      this.#conversation = this.#attachment === undefined ? undefined : before.conversation;
      throw error;
    }
    this.#target = { kind: 'session', sessionId };
    if (before.attachment?.sessionId !== sessionId) await detachQuietly(before.attachment);
  }

  async #part(): Promise<void> {
    const attachment = this.#attachment;
    this.#conversation = undefined;
    this.#attachment = undefined;
    await detachQuietly(attachment);
    if (attachment !== undefined) this.#tell({ kind: 'left' });
  }

  /** The stream has ended by itself. */
  #forget(deleted: boolean): void {
    this.#attachment = undefined;
    this.#conversation = undefined;
    if (deleted) this.#target = { kind: 'new' };
  }

  async #inOrder<T>(move: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(move);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** A connection that is lost has detached already, and a session that was deleted has nothing to detach from. */
async function detachQuietly(attachment: Attachment | undefined): Promise<void> {
  try {
    await attachment?.detach();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}
