/** Asks a server which models it offers. */
import type { ProviderConfiguration } from '../config/configuration.ts';
import { Exchange } from './exchange.ts';
import { explainFault } from './provider-errors.ts';
import { missingKey, type ProviderContext } from './provider-failure.ts';
import { ProtocolError } from '../../protocol/errors.ts';

const DEADLINE_MS = 3000;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_MODELS = 2000;

/**
 * Names of the models at `GET {base_url}/models`, in the order of the server.
 *
 * @throws ProtocolError with the reason in words, after three seconds at the latest.
 */
export async function listServerModels(provider: ProviderConfiguration, apiKey: string | undefined): Promise<string[]> {
  const { name, baseUrl, apiKeyEnv, headers } = provider;
  const context: ProviderContext = { provider: name, baseUrl, model: undefined, apiKey, keyVariable: apiKeyEnv };
  if (apiKey === undefined && apiKeyEnv !== undefined) throw missingKey(context);
  const limits = {
    connectTimeoutMs: Math.min(provider.connectTimeoutMs, DEADLINE_MS),
    firstByteTimeoutMs: DEADLINE_MS,
    silenceTimeoutMs: DEADLINE_MS,
    totalTimeoutMs: DEADLINE_MS,
  };
  const exchange = new Exchange(limits, new AbortController().signal);
  try {
    const authorization = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    const text = await exchange.text(new URL(`${baseUrl}/models`), { ...authorization, ...headers }, MAX_BYTES);
    return namesIn(text) ?? refuse(name);
  } catch (error) {
    throw exchange.fault === undefined ? error : explainFault(exchange.fault, context);
  } finally {
    exchange.close();
  }
}

function refuse(name: string): never {
  throw new ProtocolError('REFUSED', `${name} sent something that is not a list of models.`, {
    hint: `Name the models yourself: models = ["…"] under [providers.${name}].`,
  });
}

/** The names in a list of the OpenAI form, or of the two forms that are seen beside it. */
function namesIn(text: string): string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const list = [value, fields['data'], fields['models']].find((candidate) => Array.isArray(candidate));
  if (list === undefined) return undefined;
  return list.flatMap((entry: unknown) => nameOf(entry)).slice(0, MAX_MODELS);
}

function nameOf(entry: unknown): string[] {
  const fields = typeof entry === 'object' && entry !== null ? (entry as Record<string, unknown>) : {};
  const name = [entry, fields['id'], fields['name']].find((candidate) => typeof candidate === 'string');
  return name !== undefined && /^[^\s\p{C}]{1,200}$/u.test(name) ? [name] : [];
}
