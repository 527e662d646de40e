/** The prompts of one session that wait, in the order in which they were accepted. */
import type { QueuedPrompt } from './waiting-shapes.ts';

export class PromptLine {
  #prompts: QueuedPrompt[] = [];

  /** Takes the place of what was there. */
  begin(prompts: readonly QueuedPrompt[]): void {
    this.#prompts = [...prompts];
  }

  /** Cancelled ones keep their place until it comes. */
  get length(): number {
    return this.#prompts.length;
  }

  get first(): QueuedPrompt | undefined {
    return this.#prompts[0];
  }

  /** How many will run. */
  get waiting(): number {
    return this.#prompts.filter((prompt) => !prompt.cancelled).length;
  }

  add(prompt: QueuedPrompt): void {
    this.#prompts.push(prompt);
  }

  removeFirst(): void {
    this.#prompts.shift();
  }

  /** How many will run before a turn. */
  before(turn: number): number {
    return this.#prompts.filter((prompt) => !prompt.cancelled && prompt.turn < turn).length;
  }

  /** One that will run: of a turn, or the first. */
  find(turn: number | undefined): QueuedPrompt | undefined {
    return this.#prompts.find((prompt) => !prompt.cancelled && (turn === undefined || prompt.turn === turn));
  }

  cancel(turn: number): void {
    this.#prompts = this.#prompts.map((prompt) => (prompt.turn === turn ? { ...prompt, cancelled: true } : prompt));
  }
}
