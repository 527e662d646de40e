/** What the use of a model costs, as the price table of the configuration says. */
import type { ModelConfiguration } from './configuration.ts';

const MILLION = 1_000_000;

/** @returns null when the table has no price for the model. */
export function costOf(
  models: ReadonlyMap<string, ModelConfiguration>,
  model: string,
  used: { readonly inputTokens: number; readonly outputTokens: number },
): number | null {
  const { inputPrice, outputPrice } = models.get(model) ?? {};
  if (inputPrice === undefined || outputPrice === undefined) return null;
  return (used.inputTokens * inputPrice + used.outputTokens * outputPrice) / MILLION;
}
