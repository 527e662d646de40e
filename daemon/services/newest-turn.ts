/** Reads the newest turn of a session from its end backwards, and nothing of the turns before it. */
import type { StoredEntry, VaultPort } from './ports.ts';

/** Small, because the vault does nothing else meanwhile, and most of what is looked for stands at the end. */
const PAGE = 50;
const PAGE_BYTES = 1024 * 1024;

/** Newest first. A page is read when it is needed. */
export async function* newestTurn(vault: VaultPort, sessionId: string): AsyncGenerator<StoredEntry> {
  let turn: number | undefined;
  let before: number | undefined;
  for (;;) {
    const { entries, more } = await vault.read({
      sessionId,
      ...(before === undefined ? {} : { before }),
      limit: PAGE,
      maxBytes: PAGE_BYTES,
    });
    for (const entry of entries.toReversed()) {
      turn ??= entry.turn;
      if (entry.turn < turn) return;
      yield entry;
    }
    before = entries[0]?.seq;
    if (!more || before === undefined) return;
  }
}
