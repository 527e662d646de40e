/** A line that is shown, and its colour. */
import type { Ink, Paint } from '../command-line/style.ts';

export interface InkLine {
  /** Harmless. */
  readonly text: string;
  readonly ink?: Ink;
}

/** The lines as one text, each dressed by itself, so that one that is drawn again alone looks the same. */
export function inked(lines: readonly InkLine[], paint: Paint): string {
  return lines.map(({ text, ink }) => (ink === undefined || text === '' ? text : paint(ink, text))).join('\n');
}
