/** Shows a conversation: what changed becomes text on a surface. */
import { inked, type InkLine } from '../calls/ink-line.ts';
import { WAYS_ON, uncertainSentences } from '../calls/interrupted-note.ts';
import type { Marks } from '../calls/marks.ts';
import { fitWidth } from '../command-line/display-width.ts';
import { HarmlessStream, harmless, harmlessLine } from '../command-line/harmless-text.ts';
import type { Ink, Paint } from '../command-line/style.ts';
import type { Change } from '../conversation/change.ts';
import { cutOffSentence } from '../conversation/cut-off.ts';
import { EMPTY_ANSWER, hasAnswer } from '../conversation/empty-answer.ts';
import { textOf, type Channel } from '../conversation/reply-text.ts';
import type { TalkChange } from '../conversation/talk-options.ts';
import { isOver, type TurnView } from '../conversation/turn-book.ts';
import { turnSentence } from '../files/change-words.ts';
import type { Message } from '../../protocol/message.ts';
import type { TurnChange } from '../../protocol/turn.ts';
import { CallView } from './call-view.ts';
import { pastOfEvents, pastOfMessages, type PastItem } from './past.ts';
import { dimLines, endedLine, promptText } from './dressed-text.ts';
import type { Surface } from './surface.ts';
import { queuedSentence } from './status-line.ts';
import { endSentence, failureSentence, waitingSentence } from './wording.ts';

/** Columns of a prompt that is only to be recognised. */
const LONGEST_QUOTE = 40;

export interface TranscriptOptions {
  readonly paint: Paint;
  /** A person watches: prompts are repeated, other terminals are shown, states are marked. Otherwise only own answers count. */
  readonly interactive: boolean;
  readonly marks: Marks;
  readonly columns: () => number;
  readonly rows: () => number;
}

export class Transcript {
  readonly #surface: Surface;
  readonly #options: TranscriptOptions;
  readonly #stream = new HarmlessStream();
  readonly calls: CallView;
  /** Turns under way whose prompts were given here. */
  readonly #own = new Set<number>();
  /** Prompts that stand on the screen already, as they were typed. */
  readonly #shown = new Set<string>();
  /** Whether the conversation so far is shown when a session is joined. */
  showsPast = true;
  readonly #handlers: { readonly [K in TalkChange['kind']]: (change: Extract<TalkChange, { kind: K }>) => void } = {
    opened: (change) => this.#opened(change),
    'save-opened': ({ save, messages, more }) => {
      const { items, cut } = pastOfMessages(messages, this.#options.marks);
      this.#past({ items, cut: cut || more }, save.id);
    },
    queued: ({ turn, ahead }) => {
      if (!turn.mine) return;
      if (this.#options.interactive) this.#shown.delete(turn.prompt ?? '');
      else this.#notice(queuedSentence(ahead));
    },
    prompt: ({ turn, message }) => this.#prompt(turn, message),
    text: (change) => {
      if (this.#concerns(change.turn)) this.#text(change);
    },
    message: ({ message }) => {
      if (this.#concerns(message.turn)) this.#message(message);
    },
    turn: (change) => {
      if (change.turn.mine) this.#begins(change.turn);
      if (change.turn.mine || this.#options.interactive) this.#turn(change);
    },
    cutoff: ({ turn, reason }) => {
      if (this.#concerns(turn)) this.#cutOff(reason);
    },
    storage: ({ unsaved }) => this.#storage(unsaved),
    model: ({ model, mine }) => {
      if (!mine && this.#options.interactive) this.#notice(`[another terminal chose ${harmlessLine(model)}]`, 'dim');
    },
    ended: ({ reason }) => {
      this.#endReply();
      this.#notice(`[${harmlessLine(reason)}]`, 'yellow');
    },
    left: () => this.#endReply(),
    settings: ({ mode }) => {
      if (mode !== undefined) this.calls.modeChosen(mode);
    },
    call: (change) => {
      if (this.#concerns(change.turn)) this.calls.call(change);
    },
    approval: (change) => {
      if (this.#concerns(change.turn)) this.calls.approval(change);
    },
    output: (change) => {
      if (this.#concerns(change.turn)) this.calls.output(change);
    },
    summary: ({ turn, automatic }) => {
      // Whoever asked for it is told by the command.
      if (automatic && this.#concerns(turn)) this.#notice('[the conversation was summed up to make room]', 'dim');
    },
    retry: ({ turn }) => {
      this.#endReply();
      if (this.#concerns(turn)) this.#notice(`[turn ${turn} begins again from its prompt]`, 'dim');
    },
    snapshot: ({ turn, entry }) => {
      const sentence = turnSentence(entry, [`/diff ${turn}`, `/restore ${turn}`]);
      if (sentence !== undefined && this.#concerns(turn)) this.#notice(harmlessLine(sentence), 'dim');
    },
    capture: () => {},
    title: () => {},
    presence: () => {},
    flags: () => {},
  };
  #channel: Channel | undefined;
  #atLineStart = true;
  /** Turns whose newest reply, if there is one, says nothing. */
  readonly #unanswered = new Set<number>();
  /** Said of a turn that waits, without its times: repeated attempts are not repeated news. */
  #saidOfWaiting = '';

  constructor(surface: Surface, options: TranscriptOptions) {
    this.#surface = surface;
    this.#options = options;
    const tell = (lines: readonly InkLine[]): void => {
      this.lines(lines);
    };
    this.calls = new CallView({ tell, live: (rows) => surface.live(rows) }, options);
  }

  /** Shows output of a command. */
  print(text: string): void {
    this.#endLine();
    this.#data(`${harmless(text)}\n`);
  }

  /** Shows output of a command, each line in its colour. */
  printLines(lines: readonly InkLine[]): void {
    if (lines.length === 0) return;
    this.#endLine();
    this.#data(`${inked(lines, this.#options.paint)}\n`);
  }

  /** Shows what somebody should know besides. */
  tell(text: string, ink?: Ink): void {
    this.#notice(harmless(text), ink);
  }

  /** Shows whole lines, each in its colour. */
  lines(lines: readonly InkLine[]): void {
    this.#endReply();
    this.#surface.notice(inked(lines, this.#options.paint));
  }

  /** Says that a prompt stands on the screen as it was typed, so that it is not repeated when it is accepted. */
  promptIsShown(text: string): void {
    this.#shown.add(text);
  }

  show(change: TalkChange): void {
    const handle = this.#handlers[change.kind] as (change: TalkChange) => void;
    handle(change);
  }

  #opened(change: Extract<Change, { kind: 'opened' }>): void {
    if (change.again) this.#notice('[the store was replaced; this is the session as it is there]', 'yellow');
    this.calls.begin(change.session.id, change.past);
    this.#past(pastOfEvents(change.past, this.#options.marks), change.session.id);
    const last = change.past.findLast((event) => event.type === 'turn')?.data;
    if (change.session.status === 'interrupted' && last?.state === 'interrupted') this.#interrupted(last);
  }

  /** Which calls nobody knows the end of, and what can be done. */
  #interrupted(change: TurnChange): void {
    const end = endSentence(change);
    if (end !== undefined) this.#notice(`[${harmlessLine(end)}]`, 'yellow');
    for (const sentence of uncertainSentences(change)) this.#notice(`  ${sentence}`, 'yellow');
    if (change.reason === 'crash') for (const way of WAYS_ON) this.#notice(`  ${way}`, 'yellow');
  }

  #past({ items, cut }: { items: readonly PastItem[]; cut: boolean }, id: string): void {
    if (!this.showsPast) return;
    if (cut) this.#notice(`[older messages: mctl sessions show ${id}]`, 'dim');
    for (const item of items) {
      if (item.kind === 'prompt') this.#data(`${this.#promptLines(item.text)}\n`);
      else if (item.kind === 'reply') this.#data(endedLine(harmless(item.text)));
      else if (item.kind === 'line') this.#notice(item.text, 'dim');
      else this.#notice(`[${harmless(item.text)}]`, 'dim');
    }
  }

  #prompt(turn: TurnView, message: Message): void {
    this.#endReply();
    this.#unanswered.add(turn.turn);
    if (turn.mine) this.#own.add(turn.turn);
    if (!this.#options.interactive) return;
    const text = textOf(message.parts);
    if (turn.mine && this.#shown.delete(text)) return;
    this.#data(`${this.#promptLines(text)}\n`);
    if (!turn.mine) this.#notice('[from another terminal]', 'dim');
  }

  /** A turn that is had go on here begins without its prompt. */
  #begins({ turn, state }: TurnView): void {
    if (state === 'running' && !this.#own.has(turn)) this.#unanswered.add(turn);
    if (state === 'running') this.#own.add(turn);
  }

  #text(change: Extract<Change, { kind: 'text' }>): void {
    if (change.channel === 'reasoning' && !this.#options.interactive) return;
    if (change.afresh) {
      this.#endReply();
      this.#notice('[once more, from the beginning]', 'dim');
    }
    if (this.#channel !== change.channel) this.#endReply();
    this.#channel = change.channel;
    this.#data(this.#dress(this.#stream.push(change.text)));
  }

  #message(message: Message): void {
    this.#endReply();
    if (message.role === 'assistant' && hasAnswer(message.parts)) this.#unanswered.delete(message.turn);
    else if (message.role === 'assistant') this.#unanswered.add(message.turn);
    this.calls.results(message);
  }

  #cutOff(reason: Extract<Change, { kind: 'cutoff' }>['reason']): void {
    this.#endReply();
    // The end of the turn follows and says it better.
    if (reason === 'cancelled' || reason === 'stopped') return;
    // Where the answer goes, the sign that it is only half of one goes too.
    this.#data(`${this.#options.paint('yellow', `[${cutOffSentence(reason)}]`)}\n`);
  }

  #turn({ turn, change, neverBegan }: Extract<Change, { kind: 'turn' }>): void {
    if (change.state === 'waiting') {
      const sentence = waitingSentence(change, false);
      if (sentence !== this.#saidOfWaiting && !this.#options.interactive) {
        this.#notice(`[${harmlessLine(waitingSentence(change))}]`);
      }
      this.#saidOfWaiting = sentence;
      return;
    }
    if (!isOver(change.state)) return;
    this.#saidOfWaiting = '';
    this.#endReply();
    this.calls.over();
    if (change.state === 'interrupted') {
      this.#interrupted(change);
      this.#own.delete(turn.turn);
      return;
    }
    if (change.error !== undefined) this.#notice(harmless(failureSentence(change.error)), 'red');
    const isEmpty = this.#unanswered.delete(turn.turn) && change.state === 'completed';
    const end = endSentence(change) ?? (isEmpty ? EMPTY_ANSWER : undefined);
    const which = neverBegan ? `, before it began: ${fitWidth(harmlessLine(turn.prompt ?? ''), LONGEST_QUOTE)}` : '';
    if (end !== undefined) this.#notice(`[${harmlessLine(end)}${which}]`, 'yellow');
    if (change.state === 'completed' && this.#options.interactive) this.#notice('saved', 'dim');
    this.#own.delete(turn.turn);
  }

  /** Whether somebody here waits for what happens in a turn. */
  #concerns(turn: number): boolean {
    return this.#options.interactive || this.#own.has(turn);
  }

  #storage(unsaved: string | null): void {
    if (unsaved === null) this.#notice('saved again', 'green');
    else this.#notice(`NOT SAVED: ${harmlessLine(unsaved)}`, 'red');
  }

  #promptLines(text: string): string {
    return promptText(text, this.#options.paint);
  }

  #dress(text: string): string {
    return this.#channel === 'reasoning' ? dimLines(text, this.#options.paint) : text;
  }

  #endReply(): void {
    if (this.#channel !== undefined) this.#data(this.#dress(this.#stream.end()));
    this.#channel = undefined;
    this.#endLine();
  }

  #endLine(): void {
    if (!this.#atLineStart) this.#data('\n');
  }

  #notice(text: string, ink?: Ink): void {
    this.#endLine();
    this.#surface.notice(text, ink);
  }

  #data(text: string): void {
    if (text === '') return;
    this.#atLineStart = text.endsWith('\n');
    this.#surface.data(text);
  }
}
