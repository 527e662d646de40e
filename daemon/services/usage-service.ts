/** What a session has used, by model, and what that cost. */
import type { EventData } from '../../protocol/event.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import type { Usage } from '../../protocol/turn.ts';
import type { SessionHead, StoredEntry, VaultPort } from './ports.ts';

/** Turns, with all their entries in between, that the vault goes over at once. */
const PAGE = 20;
const PAGE_BYTES = 1024 * 1024;

/** Cost of a use of a model; null when nobody has said what it costs. */
export type Prices = (model: string, usage: Usage) => number | null;

interface Sum {
  turns: number;
  inputTokens: number;
  outputTokens: number;
}

export class UsageService {
  readonly #vault: VaultPort;
  readonly #prices: Prices;

  constructor(vault: VaultPort, prices: Prices) {
    this.#vault = vault;
    this.#prices = prices;
  }

  /** Of this session alone: what a fork shares was used by its parent. */
  async ofSession(sessionId: string): Promise<ResultOf<'session/usage'>> {
    const head = await this.#vault.head(sessionId);
    const sums = await this.#sums(head);
    const rows = [...sums].map(([model, { turns, inputTokens, outputTokens }]) => {
      const cost = this.#prices(model, { inputTokens, outputTokens });
      return { model, turns, inputTokens, outputTokens, cost };
    });
    const size = (row: Usage): number => row.inputTokens + row.outputTokens;
    return { models: rows.filter((row) => size(row) > 0).sort((left, right) => size(right) - size(left)) };
  }

  async #sums(head: SessionHead): Promise<Map<string, Sum>> {
    const ledger = new Ledger();
    let after = 0;
    for (;;) {
      const { entries, more } = await this.#vault.read({
        sessionId: head.id,
        after,
        limit: PAGE,
        maxBytes: PAGE_BYTES,
        only: ['turn', 'origin'],
      });
      for (const entry of entries) ledger.add(entry);
      const last = entries.at(-1);
      if (!more || last === undefined) break;
      after = last.seq;
    }
    return ledger.balanced(head);
  }
}

/** Turns in the order of the log. */
class Ledger {
  readonly #sums = new Map<string, Sum>();
  /** The model of the turn that is under way. */
  #model = '';

  add(entry: StoredEntry): void {
    if (entry.type === 'origin') {
      this.#sums.clear();
      return;
    }
    const { model, usage, state } = JSON.parse(entry.body) as EventData<'turn'>;
    this.#model = model ?? this.#model;
    if (usage !== undefined) this.#count(this.#model, usage, state === 'completed' ? 1 : 0);
  }

  /** What turns that a crash cut short have used is known in sum only, and so are summaries: the newest model gets it. */
  balanced({ model, inputTokens, outputTokens }: SessionHead): Map<string, Sum> {
    const known = [...this.#sums.values()];
    const missing = {
      inputTokens: inputTokens - known.reduce((sum, one) => sum + one.inputTokens, 0),
      outputTokens: outputTokens - known.reduce((sum, one) => sum + one.outputTokens, 0),
    };
    if (missing.inputTokens > 0 || missing.outputTokens > 0) this.#count(model, missing, 0);
    return this.#sums;
  }

  #count(model: string, { inputTokens, outputTokens }: Usage, turns: number): void {
    const sum = this.#sums.get(model) ?? { turns: 0, inputTokens: 0, outputTokens: 0 };
    sum.turns += turns;
    sum.inputTokens += inputTokens;
    sum.outputTokens += outputTokens;
    this.#sums.set(model, sum);
  }
}
