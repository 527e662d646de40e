/** A frontend without a screen: follows one session, keeps what it was told, and does what a person could do there. */
import type { Attachment, Client, PendingApproval } from '../../client/connection/api.ts';
import type { Change } from '../../client/conversation/change.ts';
import { Conversation } from '../../client/conversation/conversation.ts';
import type { Message } from '../../protocol/message.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { ApprovalMode } from '../../protocol/tool.ts';
import type { TurnState } from '../../protocol/turn.ts';
import { waitUntil } from './real-daemon.ts';

interface Beginning {
  readonly workspace: string;
  readonly prompt: string;
  readonly mode?: ApprovalMode;
  readonly model?: string;
  readonly agent?: string;
  readonly unattended?: boolean;
}

export class Watcher {
  readonly client: Client;
  readonly sessionId: string;
  readonly changes: Change[] = [];
  #conversation: Conversation | undefined;
  #attachment: Attachment | undefined;

  private constructor(client: Client, sessionId: string) {
    this.client = client;
    this.sessionId = sessionId;
  }

  /** Begins a session with a prompt, and follows it. */
  static async begin(client: Client, { workspace, prompt, ...wishes }: Beginning): Promise<Watcher> {
    const { sessionId } = await client.call('turn/submit', {
      opId: client.newOpId(),
      target: { kind: 'new', workspace },
      prompt: [{ type: 'text', text: prompt }],
      ...wishes,
    });
    return await Watcher.join(client, sessionId);
  }

  static async join(client: Client, sessionId: string): Promise<Watcher> {
    const watcher = new Watcher(client, sessionId);
    watcher.#conversation = new Conversation((change) => watcher.changes.push(change), { ownTurn: 1 });
    watcher.#attachment = await client.attach(sessionId, watcher.#conversation, { tail: 500 });
    return watcher;
  }

  get conversation(): Conversation {
    if (this.#conversation === undefined) throw new Error('not attached');
    return this.#conversation;
  }

  get approvals(): PendingApproval[] {
    return this.conversation.approvals;
  }

  async submit(prompt: string): Promise<number> {
    const { turn } = await this.client.call('turn/submit', {
      opId: this.client.newOpId(),
      target: { kind: 'session', sessionId: this.sessionId },
      prompt: [{ type: 'text', text: prompt }],
    });
    return turn;
  }

  /** Waits until a call is asked about. */
  async asked(which = 0): Promise<PendingApproval> {
    await waitUntil('a question', () => this.approvals.length > which);
    const pending = this.approvals[which];
    if (pending === undefined) throw new Error('no question');
    return pending;
  }

  async answer(
    callId: string,
    answer: Pick<ParamsOf<'approval/answer'>, 'decision' | 'scope' | 'reason'>,
    opId = this.client.newOpId(),
  ): Promise<ResultOf<'approval/answer'>> {
    return await this.client.call('approval/answer', { opId, sessionId: this.sessionId, callId, ...answer });
  }

  /** Waits until a turn is in a state. */
  async state(turn: number, state: TurnState): Promise<void> {
    await waitUntil(`turn ${turn} ${state}`, () => this.conversation.turns.get(turn)?.state === state, 30_000);
  }

  async messages(): Promise<Message[]> {
    return (await this.client.call('session/messages', { sessionId: this.sessionId, limit: 500 })).messages;
  }

  /** Results of tool calls, in the order of the log. */
  async results(): Promise<{ name: string; output: string; isError: boolean }[]> {
    const messages = await this.messages();
    return messages.flatMap(({ parts }) =>
      parts.flatMap((part) =>
        part.type === 'tool-result' ? [{ name: part.name, output: part.output, isError: part.isError }] : [],
      ),
    );
  }

  async detach(): Promise<void> {
    await this.#attachment?.detach();
  }
}
