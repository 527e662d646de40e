/** What every message about a provider is made of. */
import { ProtocolError, type ErrorKind } from '../../protocol/errors.ts';

/** What the words are about. */
export interface ProviderContext {
  readonly provider: string;
  readonly baseUrl: string;
  /** How the address of such a server usually ends. */
  readonly usualEnd: string;
  /** Undefined when no model was asked for. */
  readonly model: string | undefined;
  readonly apiKey: string | undefined;
  readonly keyVariable: string | undefined;
}

/** An error of one of the provider kinds; all but REFUSED may pass by themselves. */
export function failure(
  kind: ErrorKind,
  message: string,
  hint: string,
  options: { retryable?: boolean; retryAfterMs?: number } = {},
): ProtocolError {
  return new ProtocolError(kind, message, { hint, retryable: kind !== 'REFUSED', ...options });
}

/** The conversation does not fit into the window of the model: a shorter one may. */
export class ConversationTooLong extends ProtocolError {}

/** How to mend the address of a server. */
export function addressHint(context: ProviderContext): string {
  return `${addressOf(context)}; it often ends in ${context.usualEnd}.`;
}

/** The setting that holds the address of a server. */
export function addressOf(context: ProviderContext): string {
  return `base_url of [providers.${context.provider}]`;
}

/** How to give m the right key. */
export function keyHint(context: ProviderContext): string {
  const { provider, keyVariable } = context;
  const command = `mctl config set-key ${provider}`;
  return keyVariable === undefined
    ? `Store the right key: ${command}`
    : `Set ${keyVariable} in the shell that you start m from, or store the key: ${command}`;
}

/** The error for a key that the configuration names and nobody has given. */
export function missingKey(context: ProviderContext): ProtocolError {
  return new ProtocolError('PROVIDER_KEY_MISSING', `There is no API key for ${context.provider}.`, {
    hint: keyHint(context),
  });
}

/** What a server must not be quoted with. */
export function secretsOf(context: ProviderContext): string[] {
  return context.apiKey === undefined ? [] : [context.apiKey];
}

/** A server's sentence, to be put behind one of ours. */
export function quote(message: string): string {
  return message === '' ? '' : `: "${message.replace(/[.\s]+$/, '')}"`;
}
