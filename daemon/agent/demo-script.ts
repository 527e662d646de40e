/** Decides what the demo model answers: a fixed rule from the conversation to the words, without a clock or chance. */
import type { Message } from '../../protocol/message.ts';
import { planFor, resultsSince, stepsTaken, type DemoPlan } from './demo-tools.ts';

const MAX_COUNT = 100_000;
const MAX_PAUSE_MS = 60_000;
const DEFAULT_PAUSE_MS = 5;
const MAX_QUOTED = 2000;
/** Longer replies send several words at once, so that none takes much more than ten seconds. */
const MAX_PAUSES = 2000;

export type DemoFailure = 'refused' | 'unreachable' | 'rate-limited' | 'broken-stream';

export interface DemoScript {
  readonly reasoning: Iterable<string>;
  readonly text: Iterable<string>;
  /** Tools that it calls after its words. */
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  /** Between two pieces. */
  readonly pauseMs: number;
  /** How it ends when it does not end well. */
  readonly failure: DemoFailure | undefined;
}

/** The answer to the last message of a conversation. */
export function scriptFor(messages: readonly Message[]): DemoScript {
  const prompts = messages.filter((message) => message.role === 'user');
  const last = prompts.at(-1);
  const prompt = textOf(last).trim();
  const images = last?.parts.filter((part) => part.type === 'image').length ?? 0;

  const count = /^count to (\d{1,15})(?: every (\d{1,9}) ?ms)?[.!]?$/i.exec(prompt);
  if (count !== null) return counting(Number(count[1]), Number(count[2] ?? DEFAULT_PAUSE_MS));
  const fail = /^fail(?: (refused|unreachable|rate-limited|broken-stream))?[.!]?$/i.exec(prompt);
  if (fail !== null) return failing((fail[1]?.toLowerCase() ?? 'refused') as DemoFailure);
  const echo = /^echo\s+(.+)$/is.exec(prompt);
  if (echo !== null) return speaking(`demo/offline repeats, without a model or network: ${echo[1] ?? ''}`);
  const plan = planFor(prompt);
  if (plan !== undefined) return working(plan, messages);
  const answer = introduction(prompt, prompts.length, images);
  return /^think\b/i.test(prompt) ? { ...speaking(answer), reasoning: pieces(thoughts(prompt)) } : speaking(answer);
}

/** How many words a text has; what the demo model counts as tokens. */
export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

/** The text parts of a message. */
export function textOf(message: Message | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('\n');
}

function introduction(prompt: string, number: number, images: number): string {
  const words = countWords(prompt);
  const quoted = prompt.length > MAX_QUOTED ? `${prompt.slice(0, MAX_QUOTED)}…` : prompt;
  const sent = [
    words === 0 ? 'no words' : `${words} ${words === 1 ? 'word' : 'words'}: “${quoted}”`,
    ...(images === 0 ? [] : [`${images} ${images === 1 ? 'image' : 'images'}, which it cannot see`]),
  ].join(', and ');
  return [
    'This is demo/offline, a small program inside m. No language model and no network took part in this answer.',
    `Prompt ${number} of this conversation has ${sent}`,
    'What happens around the answer is real: it is streamed, saved and encrypted like that of any model.\n' +
      'To see more, try: count to 20, count to 100 every 50 ms, think about the sea, echo some text, fail.\n' +
      'To see tools: list, read FILE, write FILE TEXT, edit FILE OLD NEW, glob *.ts, grep WORD, run COMMAND.\n' +
      'For a real model, add a provider to the configuration file (mctl config path shows where it is) and choose it with /model.',
  ].join('\n\n');
}

function thoughts(prompt: string): string {
  return (
    'These are the thoughts of demo/offline, which are written down beforehand: ' +
    `the prompt has ${countWords(prompt)} words and begins with “think”, so reasoning comes before the answer.`
  );
}

/** The next step of a plan, or, after the last one, what came of it. */
function working({ steps, isEndless }: DemoPlan, messages: readonly Message[]): DemoScript {
  const taken = stepsTaken(messages);
  const calls = steps[isEndless ? taken % steps.length : taken];
  if (calls === undefined) return speaking(report(messages));
  const names = calls.map(({ name }) => name).join(', ');
  return { ...speaking(`demo/offline uses a tool, as the prompt says: ${names}`), calls };
}

function report(messages: readonly Message[]): string {
  const results = resultsSince(messages);
  const failed = results.filter(({ isError }) => isError);
  const outcome = failed.length === 0 ? 'all of them worked' : `${failed.length} of them did not work`;
  const words = failed.map(({ name, output }) => `${name}: ${output.split('\n', 1)[0] ?? ''}`);
  const made = `${results.length} tool ${results.length === 1 ? 'call' : 'calls'}`;
  return [`demo/offline has made ${made}, without a model or network; ${outcome}.`, ...words].join('\n');
}

function speaking(text: string): DemoScript {
  return { reasoning: [], text: pieces(text), calls: [], pauseMs: DEFAULT_PAUSE_MS, failure: undefined };
}

function failing(failure: DemoFailure): DemoScript {
  const words = failure === 'broken-stream' ? pieces('This answer of demo/offline breaks off in the middle of') : [];
  return { reasoning: [], text: words, calls: [], pauseMs: DEFAULT_PAUSE_MS, failure };
}

function counting(end: number, pauseMs: number): DemoScript {
  if (end > MAX_COUNT || pauseMs > MAX_PAUSE_MS) {
    return speaking(
      `demo/offline counts to ${MAX_COUNT} at most, with at most ${MAX_PAUSE_MS} ms between two numbers. ` +
        'It is a small program: no model and no network are used.',
    );
  }
  return { reasoning: [], text: numbers(end), calls: [], pauseMs, failure: undefined };
}

function* numbers(end: number): Generator<string> {
  yield 'demo/offline counts, without a model or network:';
  for (let number = 1; number <= end; number++) yield ` ${number}`;
}

/** A text in pieces of a word each, or of several when it is long. Together they are the text. */
function pieces(text: string): string[] {
  const words = text.match(/\s*\S+\s*/g) ?? [];
  const size = Math.ceil(words.length / MAX_PAUSES);
  if (size <= 1) return words;
  return Array.from({ length: Math.ceil(words.length / size) }, (_, at) =>
    words.slice(at * size, (at + 1) * size).join(''),
  );
}
