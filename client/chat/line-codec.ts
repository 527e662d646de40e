/** Texts of several lines in a line editor that knows only one: line ends become a sign, and long texts a label. */

/** Private use, so that no text of a person contains it; shown as `SHOWN_LINE_END`. */
const LINE_END = '\ue00a';
const SHOWN_LINE_END = '⏎';
/** Longer texts would not fit a screen. */
const LONGEST_SHOWN = 600;

export class LineCodec {
  /** Texts behind labels. */
  readonly #texts = new Map<string, string>();

  /** How a text stands in the line. */
  encode(text: string): string {
    const lines = text.split('\n').length;
    if (text.length <= LONGEST_SHOWN) return text.replaceAll('\n', LINE_END);
    const size = lines > 1 ? `${lines} lines` : `${text.length} characters`;
    const label = `[pasted ${size}, #${this.#texts.size + 1}]`;
    this.#texts.set(label, text);
    return label;
  }

  /** The text that a line stands for. */
  decode(line: string): string {
    let text = line.replaceAll(LINE_END, '\n');
    for (const [label, whole] of this.#texts) text = text.replaceAll(label, () => whole);
    return text;
  }
}

/** What the editor writes, with the sign for line ends made visible. */
export function showLineEnds(written: string): string {
  return written.replaceAll(LINE_END, SHOWN_LINE_END);
}
