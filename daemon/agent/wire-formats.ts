/** Finds the format that a provider is configured to speak. */
import type { ProviderConfiguration } from '../config/configuration.ts';
import { ANTHROPIC_FORMAT } from './anthropic-format.ts';
import { GOOGLE_FORMAT } from './google-format.ts';
import { OPENAI_FORMAT } from './openai-format.ts';
import type { WireFormat } from './wire-format.ts';

const FORMATS: Readonly<Record<ProviderConfiguration['type'], WireFormat>> = {
  'openai-compatible': OPENAI_FORMAT,
  anthropic: ANTHROPIC_FORMAT,
  google: GOOGLE_FORMAT,
};

/** @returns what is particular to the format of a provider's server. */
export function formatOf(provider: ProviderConfiguration): WireFormat {
  return FORMATS[provider.type];
}
