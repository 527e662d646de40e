/** Texts of a conversation in their colours. */
import { harmless } from '../command-line/harmless-text.ts';
import type { Paint } from '../command-line/style.ts';

export const PROMPT_SIGN = '» ';

/** A prompt as it stands in the conversation. */
export function promptText(text: string, paint: Paint): string {
  const lines = harmless(text).split('\n');
  return paint('bold', lines.map((line, index) => `${index === 0 ? PROMPT_SIGN : '  '}${line}`).join('\n'));
}

/** Colours end at line ends, so that a line that is redrawn alone looks the same. */
export function dimLines(text: string, paint: Paint): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : paint('dim', line)))
    .join('\n');
}

export function endedLine(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
