/** Chat on a terminal: the typed line below, the conversation above, and the keys that cancel and leave. */
import { EXIT, failureOf } from '../command-line/failure.ts';
import { harmless, harmlessLine } from '../command-line/harmless-text.ts';
import type { Paint } from '../command-line/style.ts';
import type { Surroundings } from '../command-line/surroundings.ts';
import { completionsOf, findCommand, readTyped, type Typed } from '../commands/registry.ts';
import type { ConnectionStatus } from '../connection/api.ts';
import { Asker } from './asker.ts';
import type { Chat } from './chat.ts';
import { ASK_FOR_PASTE_MARKERS, NO_PASTE_MARKERS } from './key-source.ts';
import { KeptLines } from './kept-lines.ts';
import { LineEditor } from './line-editor.ts';
import { LockedStore } from './locked-store.ts';
import { PromptBlocks } from './prompt-blocks.ts';
import { PromptSender } from './prompt-sender.ts';
import type { Screen } from './screen.ts';
import { statusSentence } from './status-line.ts';
import type { Surface } from './surface.ts';
import { TerminalDialogue } from './terminal-dialogue.ts';
import { PROMPT_SIGN } from './dressed-text.ts';

const BLOCK_SIGN = '… ';
const REASON_SIGN = 'no, because: ';
const CHOICE_SIGN = 'number or id (empty for a new session): ';
const HINT = '(Ctrl+D leaves, /help lists what can be typed)';

export interface TerminalOptions {
  readonly chat: Chat;
  readonly around: Surroundings;
  readonly screen: Screen;
  readonly surface: Surface;
  readonly paint: Paint;
  /** Newest first. */
  readonly history: readonly string[];
  /** Begin with the question which session to go on with. */
  readonly asksWhich: boolean;
}

export class TerminalChat {
  readonly #chat: Chat;
  readonly #around: Surroundings;
  readonly #screen: Screen;
  readonly #surface: Surface;
  readonly #paint: Paint;
  readonly #sender: PromptSender;
  readonly #asker: Asker;
  readonly #dialogue: TerminalDialogue;
  readonly #editor: LineEditor;
  readonly #locked: LockedStore;
  readonly #blocks = new PromptBlocks();
  #connection: ConnectionStatus | undefined;
  #isChoosing: boolean;
  #code: number = EXIT.ok;

  constructor(options: TerminalOptions) {
    this.#chat = options.chat;
    this.#around = options.around;
    this.#screen = options.screen;
    this.#surface = options.surface;
    this.#paint = options.paint;
    this.#isChoosing = options.asksWhich;
    this.#editor = new LineEditor({
      input: options.around.stdin,
      columns: options.around.stdout.columns,
      sink: options.screen.echo,
      history: options.history,
      complete: (beginning) => (beginning.startsWith('/') ? completionsOf(beginning) : []),
      handlers: {
        beforeEnter: () => this.#screen.showTyped(false),
        enter: (text) => this.#enter(text),
        interrupt: () => this.#interrupt(),
        end: () => this.#chat.leave(),
        changed: () => {
          this.#asker.typed();
          this.#dialogue.typed();
          this.#refresh();
        },
        tab: () => this.#asker.tab(),
        cleared: () => this.#screen.forget(),
      },
    });
    options.screen.attach(this.#editor);
    this.#locked = new LockedStore({
      client: this.#chat.client,
      environment: this.#around.environment,
      screen: this.#screen,
      editor: this.#editor,
      tell: (text, ink) => {
        this.#chat.transcript.tell(text, ink);
      },
      changed: () => {
        this.#refresh();
      },
      leave: () => {
        this.#chat.leave();
      },
    });
    this.#chat.unlockBy(() => this.#locked.unlocked());
    this.#sender = this.#makeSender();
    this.#asker = this.#makeAsker();
    this.#dialogue = new TerminalDialogue({
      screen: this.#screen,
      editor: this.#editor,
      transcript: this.#chat.transcript,
      isFree: () => !this.#locked.asks,
      changed: () => this.#refresh(),
    });
    this.#chat.askBy({ dialogue: this.#dialogue, draft: (text) => this.#giveBack(text) });
  }

  #makeSender(): PromptSender {
    const { client, transcript } = this.#chat;
    return new PromptSender({
      chat: this.#chat,
      kept: new KeptLines(client, (text) => {
        transcript.tell(text, 'dim');
      }),
      giveBack: (text) => void this.#giveBack(text),
      changed: () => {
        this.#refresh();
      },
    });
  }

  /** @returns whether the typed line had room for it. */
  #giveBack(text: string): boolean {
    if (!this.#editor.isEmpty) return false;
    this.#editor.insert(text);
    return true;
  }

  #makeAsker(): Asker {
    const { client, transcript, talk } = this.#chat;
    return new Asker({
      client,
      screen: this.#screen,
      editor: this.#editor,
      transcript,
      sessionId: () => talk.sessionId,
      isFree: () => !this.#isChoosing && !this.#blocks.isOpen && !this.#locked.asks && !this.#dialogue.isOpen,
      changed: () => {
        this.#refresh();
      },
      interrupt: () => {
        this.#interrupt();
      },
      leave: () => {
        this.#chat.leave();
      },
    });
  }

  /** Until the person leaves. @returns the exit code. */
  async run(): Promise<number> {
    const { stdout } = this.#around;
    const stop = AbortSignal.any([this.#chat.leaving, stdout.gone]);
    const undo = this.#listen();
    this.#chat.onChange(() => {
      this.#refresh();
    });
    stdout.write(ASK_FOR_PASTE_MARKERS);
    try {
      this.#setPrompt();
      this.#refresh();
      if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
    } finally {
      for (const end of undo) end();
      this.#locked.close();
      this.#asker.close();
      this.#dialogue.close();
      this.#editor.close();
      this.#screen.release();
      stdout.write(NO_PASTE_MARKERS);
    }
    if (this.#blocks.isOpen) stdout.line('the open """ block was not sent');
    const farewell = this.#chat.farewell();
    if (farewell !== undefined) stdout.line(farewell);
    return this.#code;
  }
  #listen(): (() => void)[] {
    const around = this.#around;
    return [
      around.onSignal('SIGINT', () => {
        this.#interrupt();
      }),
      ...(['SIGTERM', 'SIGHUP'] as const).map((signal) => around.onSignal(signal, () => this.#chat.leave())),
      around.onExit(() => {
        around.stdout.write(NO_PASTE_MARKERS);
      }),
      around.stdout.onResize(() => {
        this.#screen.resize();
      }),
      this.#chat.client.onStatus((status) => {
        this.#connection = status;
        if (status.state === 'closed') this.#lost(status.reason);
        if (status.state === 'connected') void this.#locked.look();
        this.#refresh();
      }),
    ];
  }

  #enter(text: string): void {
    if (this.#asker.takesReason) {
      this.#asker.reason(text);
    } else if (this.#isChoosing) {
      this.#choose(text.trim());
    } else {
      const sign = this.#sign;
      const gathered = this.#blocks.push(text);
      if (gathered.kind !== 'line') this.#screen.lines(harmless(`${sign}${text}`));
      this.#setPrompt();
      if (gathered.kind === 'line') this.#typed(readTyped(gathered.text));
      if (gathered.kind === 'block' && gathered.text.trim() !== '') this.#prompt(gathered.text, true);
    }
    this.#refresh();
  }

  #typed(typed: Typed): void {
    if (typed.kind === 'prompt') this.#prompt(typed.text, false);
    if (typed.kind !== 'command') return;
    const line = `/${typed.name}${typed.argument === '' ? '' : ` ${typed.argument}`}`;
    this.#editor.remember(line);
    this.#screen.lines(this.#paint('bold', harmlessLine(`${PROMPT_SIGN}${line}`)));
    // Leaving does not wait for what was asked for before.
    if (findCommand(typed.name)?.name === 'exit') {
      this.#chat.leave();
      return;
    }
    this.#sender.command(typed.name, typed.argument, line);
  }

  /** @param isShown whether it stands on the screen as it was typed. */
  #prompt(text: string, isShown: boolean): void {
    this.#editor.remember(text);
    if (isShown) this.#chat.transcript.promptIsShown(text);
    this.#sender.prompt(text);
  }

  #choose(answer: string): void {
    this.#isChoosing = false;
    this.#setPrompt();
    if (answer !== '') this.#sender.command('resume', answer, '');
  }

  #interrupt(): void {
    const isBusy = this.#chat.talk.conversation?.turns.busy === true;
    if (this.#blocks.isOpen) {
      this.#blocks.drop();
      this.#editor.clear();
      this.#setPrompt();
      this.#chat.transcript.tell('(the block was dropped)', 'dim');
    } else if (isBusy) {
      this.#chat.talk.cancel().catch((error: unknown) => {
        this.#chat.transcript.tell(`not cancelled: ${failureOf(error).message}`, 'red');
      });
    } else if (this.#editor.isEmpty) {
      this.#chat.transcript.tell(HINT, 'dim');
    } else {
      this.#editor.clear();
    }
    this.#refresh();
  }

  #lost(reason: string): void {
    if (this.#chat.leaving.aborted) return;
    this.#chat.transcript.tell(`m: ${reason}`, 'red');
    this.#code = EXIT.unavailable;
    this.#chat.leave();
  }

  /** Brings status and typed line to what is true now. */
  #refresh(): void {
    const { conversation } = this.#chat.talk;
    this.#dialogue.look();
    this.#asker.look(conversation?.approvals ?? []);
    this.#surface.status(
      statusSentence(this.#connection, conversation, {
        isSending: this.#sender.isSlow,
        locked: this.#locked.sentence,
        asking: this.#asker.asks ? (this.#asker.sentence ?? '') : undefined,
      }),
    );
    this.#setPrompt();
    const active = conversation?.turns.active;
    const isAnswering = this.#sender.isSending || (active?.mine === true && active.state === 'running');
    const isAsking = this.#locked.asks || this.#asker.isShown || this.#dialogue.isOpen;
    const isNeeded = !this.#editor.isEmpty || this.#blocks.isOpen || isAsking;
    this.#screen.showTyped(!isAnswering || isNeeded);
  }

  #setPrompt(): void {
    if (this.#editor.setPrompt(this.#sign)) this.#screen.redrawTyped();
  }

  get #sign(): string {
    if (this.#asker.takesReason) return REASON_SIGN;
    if (this.#isChoosing) return CHOICE_SIGN;
    return this.#blocks.isOpen ? BLOCK_SIGN : PROMPT_SIGN;
  }
}
