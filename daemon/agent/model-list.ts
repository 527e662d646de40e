/** Asks a server which models it offers. */
import type { ProviderConfiguration } from '../config/configuration.ts';
import { Exchange } from './exchange.ts';
import { explainFault } from './provider-errors.ts';
import { missingKey, type ProviderContext } from './provider-failure.ts';
import { fieldsOf, type WireFormat } from './wire-format.ts';
import { formatOf } from './wire-formats.ts';
import { ProtocolError } from '../../protocol/errors.ts';

const DEADLINE_MS = 3000;
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_MODELS = 2000;

/**
 * Names of the models that can answer, in the order of the server: `GET {base_url}/models`.
 *
 * @throws ProtocolError with the reason in words, after three seconds at the latest.
 */
export async function listServerModels(provider: ProviderConfiguration, apiKey: string | undefined): Promise<string[]> {
  const { name, baseUrl, apiKeyEnv, headers } = provider;
  const format = formatOf(provider);
  const { usualEnd } = format;
  const context: ProviderContext = {
    provider: name,
    baseUrl,
    usualEnd,
    model: undefined,
    apiKey,
    keyVariable: apiKeyEnv,
  };
  if (apiKey === undefined && apiKeyEnv !== undefined) throw missingKey(context);
  const limits = {
    connectTimeoutMs: Math.min(provider.connectTimeoutMs, DEADLINE_MS),
    firstByteTimeoutMs: DEADLINE_MS,
    silenceTimeoutMs: DEADLINE_MS,
    totalTimeoutMs: DEADLINE_MS,
  };
  const exchange = new Exchange(limits, new AbortController().signal);
  try {
    const url = new URL(`${baseUrl}${format.modelsPath}`);
    const text = await exchange.text(url, { ...format.headers(apiKey), ...headers }, MAX_BYTES);
    return namesIn(text, format) ?? refuse(name);
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

/** The names in a list, of the form that belongs to the format or of one that is seen beside it. */
function namesIn(text: string, format: WireFormat): string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { data, models } = fieldsOf(value);
  const list = [value, data, models].find((candidate) => Array.isArray(candidate));
  if (list === undefined) return undefined;
  return list
    .flatMap((entry: unknown) => format.modelName(entry) ?? [])
    .filter(isName)
    .slice(0, MAX_MODELS);
}

function isName(name: string): boolean {
  return /^[^\s\p{C}]{1,200}$/u.test(name);
}
