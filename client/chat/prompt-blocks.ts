/** Lines become prompts: one line is one, and what stands between two `"""` is one too. */

const FENCE = '"""';

/** What a line led to. */
export type Gathered =
  | { readonly kind: 'line'; readonly text: string }
  /** A whole block; never a command. */
  | { readonly kind: 'block'; readonly text: string }
  /** A block is open and goes on. */
  | { readonly kind: 'open' };

export class PromptBlocks {
  #lines: string[] | undefined;

  get isOpen(): boolean {
    return this.#lines !== undefined;
  }

  push(line: string): Gathered {
    if (this.#lines !== undefined) return this.#continue(line);
    const start = line.trimStart();
    if (!start.startsWith(FENCE)) return { kind: 'line', text: line };
    this.#lines = [];
    const rest = start.slice(FENCE.length);
    return rest === '' ? { kind: 'open' } : this.#continue(rest);
  }

  /** Drops an open block. */
  drop(): void {
    this.#lines = undefined;
  }

  #continue(line: string): Gathered {
    const lines = this.#lines ?? [];
    const end = line.trimEnd();
    if (!end.endsWith(FENCE)) {
      lines.push(line);
      return { kind: 'open' };
    }
    const last = end.slice(0, -FENCE.length);
    this.#lines = undefined;
    return { kind: 'block', text: [...lines, ...(last === '' ? [] : [last])].join('\n') };
  }
}
