/** Runs a turn on a model: step after step until the model has answered. */
import type { AgentBackend, TurnInput, TurnJournal, TurnOutcome } from '../services/agent-port.ts';
import type { StepModel } from './step-model.ts';

/** A model without tools answers in one step, so its first step is the outcome of the turn. */
export class ModelLoop implements AgentBackend {
  private readonly model: StepModel;

  constructor(model: StepModel) {
    this.model = model;
  }

  async runTurn(input: TurnInput, journal: TurnJournal, signal: AbortSignal): Promise<TurnOutcome> {
    signal.throwIfAborted();
    const { model, messages, apiKey } = input;
    return await this.model.step({ model, messages, apiKey }, journal, signal);
  }
}
