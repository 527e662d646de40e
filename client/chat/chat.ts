/** One chat, wherever it is shown: the talk, its transcript, and what a typed text leads to. */
import { marksFor } from '../calls/marks.ts';
import { exitCodeOf, failureOf } from '../command-line/failure.ts';
import type { StartWish } from '../command-line/start-flags.ts';
import type { Paint } from '../command-line/style.ts';
import type { CommandContext } from '../commands/command.ts';
import { runCommand } from '../commands/registry.ts';
import { ShownList } from '../commands/shown-list.ts';
import type { Client } from '../connection/api.ts';
import type { Submitted } from '../conversation/talk-options.ts';
import { Talk } from '../conversation/talk.ts';
import type { Dialogue } from '../files/dialogue.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import type { Surface } from './surface.ts';
import { Transcript } from './transcript.ts';

export interface ChatOptions {
  readonly client: Client;
  readonly surface: Surface;
  readonly paint: Paint;
  readonly wish: StartWish;
  /** A person watches. */
  readonly interactive: boolean;
  readonly columns: () => number;
  readonly rows: () => number;
  readonly environment: NodeJS.ProcessEnv;
  /** Opens a store that was locked meanwhile; rejects when it stays locked. */
  readonly unlock: () => Promise<void>;
}

export interface CommandOutcome {
  readonly isDone: boolean;
  readonly turn: Promise<TurnChange> | undefined;
  /** What a program that ends now should end with; 0 when all went as it was meant. */
  readonly exitCode: number;
}

/** How a frontend has a person take part in a command. */
export interface Person {
  readonly dialogue: Dialogue;
  /** @returns whether there was room. */
  readonly draft?: (text: string) => boolean;
}

export class Chat {
  readonly client: Client;
  readonly talk: Talk;
  readonly transcript: Transcript;
  readonly context: CommandContext;
  readonly #leaving = new AbortController();
  #revived: Promise<TurnChange> | undefined;
  #exitCode = 0;
  #person: Person | undefined;
  #changed: () => void = () => {};
  #unlock: () => Promise<void>;

  constructor(options: ChatOptions) {
    const { client, wish, columns } = options;
    this.client = client;
    const transcript = new Transcript(options.surface, { ...options, marks: marksFor(options.environment) });
    this.transcript = transcript;
    this.#unlock = options.unlock;
    this.talk = new Talk(client, {
      workspace: wish.workspace,
      model: wish.model,
      defaultModel: wish.defaultModel,
      mode: wish.mode,
      agent: wish.agent,
      unattended: !options.interactive,
      tell: (change) => {
        transcript.show(change);
        this.#changed();
      },
      unlock: () => this.#unlock(),
    });
    this.context = this.#makeContext(columns);
  }

  #makeContext(columns: () => number): CommandContext {
    const { client, transcript } = this;
    const person = (): Person | undefined => this.#person;
    return {
      client,
      talk: this.talk,
      shown: new ShownList(),
      get columns() {
        return columns();
      },
      print: (text) => {
        transcript.print(text);
      },
      lines: (lines) => {
        transcript.printLines(lines);
      },
      get dialogue() {
        return person()?.dialogue;
      },
      get draft() {
        return person()?.draft;
      },
      fell: (exitCode) => {
        this.#exitCode = exitCode;
      },
      leave: () => {
        this.leave();
      },
      revived: (end) => {
        // Whoever does not wait for it is told of it by the conversation.
        end.catch(() => undefined);
        this.#revived = end;
      },
    };
  }

  /** Aborted when this chat is to end. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  leave(): void {
    this.#leaving.abort();
  }

  /** @param changed called after each change that was shown. */
  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  /** Somebody can be asked from now on. */
  askBy(person: Person): void {
    this.#person = person;
  }

  /** Another way to open a store that was locked meanwhile. */
  unlockBy(unlock: () => Promise<void>): void {
    this.#unlock = unlock;
  }

  /**
   * Runs a slash command; a failure is shown as its output.
   * @returns whether it was done, and the end of the turn that it has go on, if it does.
   */
  async command(name: string, argument: string): Promise<CommandOutcome> {
    this.#revived = undefined;
    this.#exitCode = 0;
    try {
      await runCommand(this.context, name, argument);
      return { isDone: true, turn: this.#revived, exitCode: this.#exitCode };
    } catch (error) {
      const { kind, message, hint } = failureOf(error);
      this.transcript.print(hint === '' ? `error: ${message}` : `error: ${message}\n  ${hint}`);
      return { isDone: false, turn: undefined, exitCode: exitCodeOf(kind) };
    }
  }

  /**
   * Gives a prompt.
   * @throws ProtocolError when it was not accepted.
   */
  async submit(text: string): Promise<Submitted> {
    const submitted = await this.talk.submit(text);
    if (submitted.forked)
      this.transcript.tell(`[the save stays as it is; this is a new session: ${submitted.sessionId}]`, 'dim');
    return submitted;
  }

  /** How to come back to the session; undefined when there is none. */
  farewell(): string | undefined {
    const { target, conversation } = this.talk;
    if (target.kind === 'new') return undefined;
    const reference = target.kind === 'save' ? target.save.id : target.sessionId;
    const active = conversation?.turns.active;
    const queued = conversation?.turns.queued.length ?? 0;
    const goesOn = active === undefined ? '' : `turn ${active.turn} goes on; `;
    const waiting = queued === 0 ? '' : `${queued} more in the queue; `;
    return `${goesOn}${waiting}come back with: m -r ${reference}`;
  }
}
