/** Prompts for the demo model that differ from each other, take a chosen time, and have a known answer. */
import { scriptFor } from '../../../daemon/agent/demo-script.ts';

/** Pause of the demo model between two words. */
const WORD_MS = 5;

let made = 0;

/** A prompt whose answer streams for about so long; no two are the same. */
export function promptFor(streamMs: number): string {
  made += 1;
  const words = Array.from({ length: Math.max(1, Math.round(streamMs / WORD_MS)) }, (_, index) => `${made}.${index}`);
  return `echo ${words.join(' ')}`;
}

/** What the demo model answers, whatever was said before. */
export function answerTo(prompt: string): string {
  const parts = [{ type: 'text' as const, text: prompt }];
  return [...scriptFor([{ seq: 1, turn: 1, role: 'user', parts, at: '' }]).text].join('');
}
