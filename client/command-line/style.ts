/** Colours, where somebody sees them and has not asked for none. */
import { styleText } from 'node:util';
import type { Output } from './output.ts';

export type Ink = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan';
/** Dresses a text, or leaves it as it is. */
export type Paint = (ink: Ink, text: string) => string;

/**
 * Whether a stream gets colours: only a terminal that knows them does, and never with NO_COLOR set to anything.
 */
export function paintFor(output: Output, environment: NodeJS.ProcessEnv): Paint {
  const plain = !output.isTerminal || environment['NO_COLOR'] || environment['TERM'] === 'dumb';
  return plain ? (_ink, text) => text : (ink, text) => styleText(ink, text, { validateStream: false });
}
