/** One turn from prompt to end, whatever happens to the daemon in between. */
import { EXIT, failureOf } from '../command-line/failure.ts';
import type { StartWish } from '../command-line/start-flags.ts';
import { paintFor } from '../command-line/style.ts';
import type { Input, Surroundings } from '../command-line/surroundings.ts';
import { startingRow } from '../commands/starting-point.ts';
import type { Client } from '../connection/api.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Unlocker } from '../keys/unlocker.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import type { TalkChange } from '../conversation/talk-options.ts';
import { Talk } from '../conversation/talk.ts';
import { RunAsker } from './asker.ts';
import type { CallLines } from './call-lines.ts';
import { heldBehind, outcomeOf, unfinished, type Outcome } from './outcome.ts';
import type { OwnTurn, Report } from './report.ts';

/** How long a run waits for a model that cannot be reached, when no other limit is given. */
const PATIENCE_MS = 20_000;

export interface RunOptions {
  readonly client: Client;
  readonly unlocker: Unlocker;
  readonly around: Surroundings;
  readonly wish: StartWish;
  readonly prompt: string;
  /** For the whole turn; undefined for none. */
  readonly timeoutMs: number | undefined;
  readonly report: Report;
  /** How calls are shown; undefined where nobody watches. */
  readonly calls: CallLines | undefined;
  /** What a person who can be asked types; undefined when nobody can be asked. */
  readonly input: Input | undefined;
}

/**
 * Gives the prompt and follows its turn.
 * @returns the exit code.
 * @throws ProtocolError when the prompt was not accepted.
 */
export async function runTurn(options: RunOptions): Promise<number> {
  return new Run(options).run();
}

class Run {
  readonly #options: RunOptions;
  readonly #talk: Talk;
  readonly #over = Promise.withResolvers<Outcome>();
  readonly #asker: RunAsker | undefined;
  #own: OwnTurn | undefined;
  #isCancelling = false;
  #isLeft = false;
  /** Since when nothing moves, because a model cannot be reached or something else is waited for. */
  #stuck: NodeJS.Timeout | undefined;
  /** A second look at whether the turn waits behind one that was interrupted. */
  #second: NodeJS.Timeout | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    const { client, unlocker, wish } = options;
    this.#talk = new Talk(client, {
      workspace: wish.workspace,
      model: wish.model,
      defaultModel: wish.defaultModel,
      mode: wish.mode,
      agent: wish.agent,
      unattended: options.input === undefined,
      tell: (change) => {
        this.#see(change);
      },
      unlock: async () => void (await unlocker.open()),
    });
    this.#asker = this.#makeAsker();
  }

  #makeAsker(): RunAsker | undefined {
    const { client, input, around, calls } = this.#options;
    if (input === undefined) return undefined;
    return new RunAsker({
      client,
      input,
      stderr: around.stderr,
      paint: paintFor(around.stderr, around.environment),
      sessionId: () => this.#own?.sessionId ?? '',
      answering: (callId, decision) => calls?.answering(callId, decision),
      ended: () => this.#over.resolve(unfinished('unanswered')),
    });
  }

  async run(): Promise<number> {
    const { client, wish, report, prompt, timeoutMs } = this.#options;
    const undo = this.#listen();
    let limit: NodeJS.Timeout | undefined;
    try {
      const row = await startingRow({ client, talk: this.#talk }, wish.from);
      if (row?.kind === 'save') await this.#talk.openSave(row.save);
      else if (row !== undefined) await this.#talk.open(row.session.id);
      if (this.#isLeft) throw new ProtocolError('CANCELLED', 'cancelled before the prompt was given');
      const { sessionId, turn, forked } = await this.#talk.submit(prompt);
      const own = this.#begin(sessionId, turn);
      if (forked) report.note(`the save stays as it is; this is a new session: ${sessionId}`);
      if (timeoutMs !== undefined) limit = setTimeout(() => this.#giveUp(), timeoutMs);
      this.#follow(turn);
      const outcome = await this.#over.promise;
      // Whoever closed the pipe has seen enough.
      if (!this.#options.around.stdout.gone.aborted) report.end(own, outcome);
      return outcome.exitCode;
    } finally {
      clearTimeout(limit);
      clearTimeout(this.#stuck);
      clearTimeout(this.#second);
      this.#asker?.close();
      this.#talk.close();
      for (const end of undo) end();
    }
  }

  #follow(turn: number): void {
    const turns = this.#talk.conversation?.turns;
    if (turns === undefined) return;
    // The daemon may have died before it could answer. A prompt that is about to begin looks the same for a moment.
    if (this.#heldBy() !== undefined) this.#second = setTimeout(() => this.#seeHeld(), PATIENCE_MS);
    turns.whenOver(turn).then(
      (change) => this.#over.resolve(outcomeOf(change)),
      (error: unknown) => this.#over.resolve(unfinished(failureOf(error).message, EXIT.unavailable)),
    );
  }

  #listen(): (() => void)[] {
    const { around, client, unlocker, report } = this.#options;
    const leave = (): void => {
      this.#leave(EXIT.later);
    };
    around.stdout.gone.addEventListener('abort', leave, { once: true });
    return [
      around.onSignal('SIGINT', () => {
        this.#cancel();
      }),
      around.onSignal('SIGTERM', leave),
      around.onSignal('SIGHUP', leave),
      client.onStatus((status) => {
        report.connection(status);
        if (status.state === 'closed') this.#over.resolve(unfinished(status.reason, EXIT.unavailable));
        // A prompt that is accepted waits for the next daemon; it is no reason to start one against somebody's will.
        if (status.state === 'stopped' && this.#own !== undefined) this.#over.resolve(unfinished('unserved'));
      }),
      unlocker.watch({}, (error) => {
        this.#lockedOut(error);
      }),
    ];
  }

  #see(change: TalkChange): void {
    if (change.kind === 'opened' || change.kind === 'save-opened' || change.kind === 'left') return;
    if (change.kind === 'ended') {
      this.#over.resolve(unfinished(change.reason, EXIT.unavailable));
      return;
    }
    this.#watchProgress(change);
    const turn = turnOf(change);
    if (change.kind === 'turn') this.#seeHeld();
    if (turn !== undefined && this.#isOwn(turn)) {
      this.#begin(this.#talk.conversation?.session?.id ?? '', turn);
      // A question that is over leaves its row first.
      this.#ask();
      this.#options.report.change(change);
    } else if (change.kind === 'storage' && this.#own !== undefined) {
      this.#options.report.change(change);
    }
  }

  /** Of this turn only: what other turns of the session ask is not about this run. */
  #ask(): void {
    const pending = this.#talk.conversation?.approvals ?? [];
    this.#asker?.look(pending.filter(({ turn }) => this.#isOwn(turn)));
  }

  #isOwn(turn: number): boolean {
    return turn === this.#own?.turn || this.#talk.conversation?.turns.get(turn)?.mine === true;
  }

  #begin(sessionId: string, turn: number): OwnTurn {
    if (this.#own !== undefined) return this.#own;
    const model = this.#talk.conversation?.session?.model ?? this.#talk.wantedModel ?? '';
    this.#own = { sessionId, turn, model };
    this.#options.report.begin(this.#own);
    return this.#own;
  }

  /** A turn that waits is waited for only so long; text, or the end of a turn before it, begins the time anew. */
  #watchProgress(change: TalkChange): void {
    if (this.#options.timeoutMs !== undefined) return;
    const isAsked = change.kind === 'approval' && this.#asker !== undefined && this.#isOwn(change.turn);
    const hasMoved = change.kind === 'text' || change.kind === 'message' || isAsked;
    if (hasMoved) {
      clearTimeout(this.#stuck);
      this.#stuck = undefined;
    } else if (change.kind === 'turn' && change.change.state === 'waiting' && !this.#waitsForPerson(change)) {
      this.#stuck ??= setTimeout(() => this.#giveUp(), PATIENCE_MS);
    }
  }

  /** A person who is asked takes as long as they like. */
  #waitsForPerson({ turn, change }: Extract<TalkChange, { kind: 'turn' }>): boolean {
    return change.waitingFor === 'approval' && this.#asker !== undefined && this.#isOwn(turn.turn);
  }

  /**
   * The end of the turn that this one waits behind, when a crash has interrupted it: nothing moves before a person has
   * decided about that turn.
   */
  #heldBy(): TurnChange | undefined {
    const turns = this.#talk.conversation?.turns;
    const own = this.#own?.turn ?? 0;
    if (turns === undefined || (turns.get(own)?.state ?? 'queued') !== 'queued') return undefined;
    for (let turn = own - 1; turn > 0; turn -= 1) {
      const { state = 'queued', change } = turns.get(turn) ?? {};
      if (state === 'queued') continue;
      return state === 'interrupted' && change?.reason === 'crash' ? change : undefined;
    }
    return undefined;
  }

  #seeHeld(): void {
    const held = this.#heldBy();
    if (held !== undefined) this.#over.resolve(heldBehind(held));
  }

  #giveUp(): void {
    this.#seeHeld();
    const turns = this.#talk.conversation?.turns;
    const own = turns?.get(this.#own?.turn ?? 0);
    const isWaiting = own?.state === 'waiting' || own?.state === 'queued' || turns?.active?.state === 'waiting';
    this.#over.resolve(unfinished(isWaiting ? 'queued' : 'timeout'));
  }

  /** The daemon has come back without the key, and nobody has given it: the turn goes on when somebody does. */
  #lockedOut(error: ProtocolError): void {
    // A prompt that is not accepted yet fails by itself.
    if (this.#own === undefined) return;
    if (error.kind === 'CANCELLED') {
      this.#leave(EXIT.cancelled);
      return;
    }
    this.#options.report.note(error.hint === '' ? error.message : `${error.message}. ${error.hint}`);
    this.#over.resolve(unfinished('locked'));
  }

  #leave(exitCode: number): void {
    this.#isLeft = true;
    this.#over.resolve(unfinished('left', exitCode));
  }

  /** Ctrl+C: the first one cancels the turn, the second one leaves at once. */
  #cancel(): void {
    if (this.#isCancelling || this.#own === undefined) {
      this.#leave(EXIT.cancelled);
      return;
    }
    this.#isCancelling = true;
    const { client, report } = this.#options;
    const { sessionId, turn } = this.#own;
    client.call('turn/cancel', { sessionId, turn }).catch((error: unknown) => {
      report.note(`not cancelled: ${failureOf(error).message}`);
    });
  }
}

/** The turn a change belongs to; undefined for what belongs to none. */
function turnOf(change: TalkChange): number | undefined {
  if (change.kind === 'message') return change.message.turn;
  if (!('turn' in change)) return undefined;
  return typeof change.turn === 'number' ? change.turn : change.turn.turn;
}
