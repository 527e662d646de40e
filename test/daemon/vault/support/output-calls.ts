/** Writes and reads the output of a call as those do who write it stretch by stretch and read it page by page. */
import type { VaultPort } from '../../../../daemon/services/ports.ts';

/** Writes stretches of a call, from an index on. */
export async function writeOutput(
  vault: VaultPort,
  sessionId: string,
  callId: string,
  texts: readonly string[],
  from = 0,
): Promise<void> {
  for (const [index, text] of texts.entries())
    await vault.appendOutput(sessionId, { callId, index: from + index, text });
}

/** The whole output, page by page. */
export async function wholeOutput(vault: VaultPort, sessionId: string, callId: string, maxBytes = 1): Promise<string> {
  let text = '';
  let offset: number | null = 0;
  while (offset !== null) {
    const page = await vault.readOutput(sessionId, callId, offset, maxBytes);
    text += page.text;
    offset = page.nextOffset;
  }
  return text;
}
