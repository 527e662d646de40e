/** Chat without a terminal: each line is done with before the next is read; answers go to stdout, notices to stderr. */
import { EXIT, exitCodeOf, failureOf, tellFailure } from '../command-line/failure.ts';
import type { Surroundings } from '../command-line/surroundings.ts';
import { findCommand, readTyped } from '../commands/registry.ts';
import type { Unlocker } from '../keys/unlocker.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import type { Chat } from './chat.ts';
import { inputLines } from './input-lines.ts';
import { LineReader } from './line-reader.ts';
import { PlainAsker } from './plain-asker.ts';
import { PlainDialogue } from './plain-dialogue.ts';
import { PromptBlocks } from './prompt-blocks.ts';
import type { Surface } from './surface.ts';
import { PROMPT_SIGN } from './dressed-text.ts';

/** Commands that have a turn go on. */
const REVIVING: ReadonlySet<string> = new Set(['continue', 'retry']);
/** Commands that whoever wrote the script must know to have been done. */
const CHANGING_FILES: ReadonlySet<string> = new Set(['restore', 'undo', 'rewind']);

/** Failures after which no further line can succeed. */
const HOPELESS: ReadonlySet<number> = new Set([EXIT.unavailable, EXIT.key]);

/** The end of a turn; undefined when it cannot be heard of. */
interface Following {
  readonly over: Promise<TurnChange> | undefined;
}

export function pipeSurface({ stdout, stderr }: Surroundings): Surface {
  return {
    data: (text) => {
      stdout.write(text);
    },
    notice: (text) => {
      stderr.line(text);
    },
    status: () => {},
    live: () => {},
  };
}

/**
 * Reads prompts and commands until the end of input, `/exit` or a signal.
 * @param asks whether to print a prompt sign: for terminals without cursor movement.
 * @returns the exit code: 1 when a turn failed.
 */
export async function chatFromPipe(
  chat: Chat,
  around: Surroundings,
  unlocker: Unlocker,
  asks: boolean,
): Promise<number> {
  const loop = new PipeLoop(chat, around, unlocker, asks);
  return loop.run();
}

class PipeLoop {
  readonly #chat: Chat;
  readonly #around: Surroundings;
  readonly #unlocker: Unlocker;
  readonly #asks: boolean;
  readonly #blocks = new PromptBlocks();
  #code: number = EXIT.ok;
  #cancelling = false;
  /** Settles when the daemon is stopped on purpose while an answer is waited for. */
  #stopped: PromiseWithResolvers<'stopped'> | undefined;

  constructor(chat: Chat, around: Surroundings, unlocker: Unlocker, asks: boolean) {
    this.#chat = chat;
    this.#around = around;
    this.#unlocker = unlocker;
    this.#asks = asks;
  }

  async run(): Promise<number> {
    const { stdin, stdout } = this.#around;
    const undo = [
      this.#around.onSignal('SIGINT', () => {
        this.#interrupt();
      }),
      ...(['SIGTERM', 'SIGHUP'] as const).map((signal) =>
        this.#around.onSignal(signal, () => {
          this.#chat.leave();
        }),
      ),
      this.#tellConnection(),
      this.#unlocker.watch({ asks: false }, (error) => {
        this.#fail(error);
      }),
    ];
    const stop = AbortSignal.any([this.#chat.leaving, stdout.gone]);
    try {
      await Promise.race([this.#lines(stop), whenAborted(stop)]);
    } finally {
      for (const end of undo) end();
      stdin.pause();
    }
    const farewell = this.#chat.farewell();
    if (farewell !== undefined && !stdout.gone.aborted) this.#around.stderr.line(farewell);
    return this.#code;
  }

  async #lines(stop: AbortSignal): Promise<void> {
    const reader = new LineReader(inputLines(this.#around.stdin));
    if (this.#asks) {
      const asker = new PlainAsker(this.#chat, this.#around.stdout, reader);
      this.#chat.askBy({ dialogue: new PlainDialogue(this.#chat.transcript, this.#around.stdout, reader) });
      this.#chat.onChange(() => {
        asker.look();
      });
    }
    this.#ask();
    for (;;) {
      const next = await reader.peek();
      if (next.done === true) break;
      reader.take();
      const line = next.value;
      const gathered = this.#blocks.push(line);
      if (gathered.kind === 'block') await this.#prompt(gathered.text);
      else if (gathered.kind === 'line') await this.#line(gathered.text);
      if (stop.aborted) {
        await reader.close();
        return;
      }
      await this.#around.stdout.drained();
      this.#ask();
    }
    if (!this.#blocks.isOpen) return;
    this.#around.stderr.line('m: the input ended inside a """ block; that block was not sent');
    this.#code = EXIT.usage;
  }

  async #line(line: string): Promise<void> {
    const typed = readTyped(line);
    if (typed.kind === 'prompt') await this.#prompt(typed.text);
    if (typed.kind !== 'command') return;
    const command = findCommand(typed.name)?.name ?? '';
    const { isDone, turn, exitCode } = await this.#chat.command(typed.name, typed.argument);
    // What stands for a prompt fails like one.
    if (!isDone && REVIVING.has(command)) this.#code = EXIT.failed;
    if (CHANGING_FILES.has(command) && exitCode !== EXIT.ok && this.#code === EXIT.ok) this.#code = exitCode;
    if (turn !== undefined) await this.#untilOver(() => ({ over: turn }));
    if (command === 'exit') this.#chat.leave();
  }

  async #prompt(text: string): Promise<void> {
    await this.#untilOver(async () => {
      const { turn } = await this.#chat.submit(text);
      return { over: this.#chat.talk.conversation?.turns.whenOver(turn) };
    });
  }

  async #untilOver(begin: () => Following | Promise<Following>): Promise<void> {
    try {
      const { over } = await begin();
      this.#stopped = Promise.withResolvers();
      const end = await Promise.race([over, this.#stopped.promise]);
      if (end === 'stopped') this.#waitsInVain();
      else if (end?.state === 'cancelled' && this.#cancelling) this.#chat.leave();
      else if (end?.state !== 'completed') this.#code = EXIT.failed;
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#stopped = undefined;
    }
  }

  /** The prompt is in the queue of a daemon that a person has stopped; who waits for it here would start it again. */
  #waitsInVain(): void {
    if (this.#asks) return;
    this.#code = EXIT.later;
    this.#chat.leave();
  }

  #fail(error: unknown): void {
    if (this.#chat.leaving.aborted) return;
    const failure = failureOf(error);
    tellFailure(this.#around.stderr, 'm', failure);
    this.#code = EXIT.failed;
    const code = exitCodeOf(failure.kind);
    if (!HOPELESS.has(code)) return;
    this.#code = code;
    this.#chat.leave();
  }

  /** Ctrl+C: the first one cancels the turn, the second one leaves at once. */
  #interrupt(): void {
    const isBusy = this.#chat.talk.conversation?.turns.busy === true;
    if (this.#asks && !isBusy) {
      this.#around.stdout.write(`\n(Ctrl+D leaves)\n${PROMPT_SIGN}`);
      return;
    }
    if (!this.#asks) this.#code = EXIT.cancelled;
    if (this.#cancelling || !isBusy) {
      this.#chat.leave();
      return;
    }
    this.#cancelling = !this.#asks;
    this.#chat.talk.cancel().catch((error: unknown) => {
      tellFailure(this.#around.stderr, 'm', failureOf(error));
      this.#chat.leave();
    });
  }

  #ask(): void {
    if (this.#asks) this.#around.stdout.write(this.#blocks.isOpen ? '… ' : PROMPT_SIGN);
  }

  #tellConnection(): () => void {
    let isLost = false;
    return this.#chat.client.onStatus((status) => {
      if (status.state === 'reconnecting' && !isLost) this.#chat.transcript.tell(`m: reconnecting: ${status.reason}`);
      if (status.state === 'stopped')
        this.#chat.transcript.tell(`m: ${status.reason}; the next prompt starts it again`);
      if (status.state === 'stopped') this.#stopped?.resolve('stopped');
      if (status.state === 'connected' && isLost) this.#chat.transcript.tell('m: connected again');
      isLost = status.state === 'reconnecting';
    });
  }
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
