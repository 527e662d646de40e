/** Has a conversation summed up when a person asks for it. The loop does it by itself when a window is nearly full. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { ParamsOf, ResultOf } from '../../protocol/methods.ts';
import type { AgentRegistryPort, ProviderKeys } from './agent-port.ts';
import { readConversation } from './conversation-history.ts';
import type { ClockPort, VaultPort } from './ports.ts';
import type { SessionWriter } from './session-writer.ts';
import type { TurnService } from './turn-service.ts';

export interface CompactionParts {
  readonly vault: VaultPort;
  readonly writer: SessionWriter;
  readonly clock: ClockPort;
  readonly registry: AgentRegistryPort;
  readonly keys: ProviderKeys;
  readonly turns: TurnService;
}

export class CompactionService {
  readonly #parts: CompactionParts;

  constructor(parts: CompactionParts) {
    this.#parts = parts;
  }

  /** @throws ProtocolError CONFLICT while a turn runs, or what the model's server says. */
  async compact({ sessionId }: ParamsOf<'session/compact'>): Promise<ResultOf<'session/compact'>> {
    return await this.#parts.turns.occupy(sessionId, (signal) => this.#sumUp(sessionId, signal));
  }

  async #sumUp(sessionId: string, signal: AbortSignal): Promise<ResultOf<'session/compact'>> {
    const { vault, writer, clock, registry, keys } = this.#parts;
    const head = await vault.head(sessionId);
    const { backend, model, provider, keyVariable } = registry.resolve(head.model);
    const apiKey = await keys.keyFor(provider, keyVariable);
    const messages = await readConversation(vault, sessionId);
    const summary = await backend.summarise({ model, messages, apiKey }, signal);
    if (summary === undefined) return { messages: 0, text: '' };
    const { upTo, text, usage } = summary;
    if (text.trim() === '') {
      throw new ProtocolError('REFUSED', 'the model answered without a summary', { hint: 'Try it again.' });
    }
    const data = { upTo, text, model: head.model, automatic: false };
    await writer.append({
      opId: clock.id(),
      sessionId,
      entries: [writer.entry('summary', 0, data)],
      // Turns never decrease along a log.
      inNewestTurn: true,
      patch: { usage },
    });
    return { messages: messages.filter(({ seq }) => seq <= upTo).length, text };
  }
}
