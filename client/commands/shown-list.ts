/** The numbered list that a frontend has shown last: what `1` in `/resume 1` means. */
import type { CatalogRow } from '../../protocol/session.ts';

/** A further page of a list. */
export interface Page {
  readonly rows: readonly CatalogRow[];
  /** Undefined at the end. */
  readonly next?: (() => Promise<Page>) | undefined;
}

export class ShownList {
  #rows: CatalogRow[] | undefined;
  #next: (() => Promise<Page>) | undefined;

  /** Undefined until a list was shown. */
  get rows(): readonly CatalogRow[] | undefined {
    return this.#rows;
  }

  /** Whether the list goes on behind what was shown. */
  get hasMore(): boolean {
    return this.#next !== undefined;
  }

  /** A new list was shown; older numbers mean nothing any more. */
  begin(page: Page): void {
    this.#rows = [...page.rows];
    this.#next = page.next;
  }

  /**
   * Fetches the next page; its numbers go on behind the last one.
   * @returns the page and the number of its first row, or undefined when there is none.
   */
  async more(): Promise<{ readonly page: Page; readonly first: number } | undefined> {
    if (this.#rows === undefined || this.#next === undefined) return undefined;
    const page = await this.#next();
    const first = this.#rows.length + 1;
    this.#rows.push(...page.rows);
    this.#next = page.next;
    return { page, first };
  }
}
