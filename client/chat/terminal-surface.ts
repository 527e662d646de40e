/** Chat's way to write on a terminal. */
import { harmlessLine } from '../command-line/harmless-text.ts';
import type { Paint } from '../command-line/style.ts';
import type { Screen } from './screen.ts';
import type { Surface } from './surface.ts';

export function terminalSurface(screen: Screen, paint: Paint): Surface {
  return {
    data: (text) => {
      screen.write(text);
    },
    notice: (text, ink) => {
      screen.lines(ink === undefined ? text : paint(ink, text));
    },
    status: (sentence) => {
      screen.setStatus(sentence === undefined ? undefined : harmlessLine(sentence));
    },
    live: (rows) => {
      screen.setLive(rows);
    },
  };
}
