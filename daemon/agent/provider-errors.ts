/** Says in words what went wrong with a provider and what a person can do about it. */
import { ProtocolError, type ErrorKind } from '../../protocol/errors.ts';
import type { Fault } from './exchange.ts';
import { presentable } from './provider-text.ts';
import { retryAfterMs } from './retry-after.ts';

/** What the words are about. */
export interface ProviderContext {
  readonly provider: string;
  readonly baseUrl: string;
  /** Undefined when no model was asked for. */
  readonly model: string | undefined;
  readonly apiKey: string | undefined;
  readonly keyVariable: string | undefined;
}

/** The error for a failed exchange. The key never occurs in it, even when the server sent it back. */
export function explainFault(fault: Fault, context: ProviderContext): ProtocolError {
  const { provider } = context;
  const server = `${provider} (${context.baseUrl})`;
  const address = `base_url of [providers.${provider}]`;
  switch (fault.kind) {
    case 'unreachable':
      return failure('UNREACHABLE', `${server} cannot be reached: ${networkReason(fault.code)}.`, `Check that the server runs, the network, and ${address}.`);
    case 'connect-timeout':
      return failure('UNREACHABLE', `${server} cannot be reached: no connection within ${seconds(fault.afterMs)}.`, `Check that the server runs, the network, and ${address}.`);
    case 'untrusted':
      return failure('REFUSED', `The certificate of ${server} is not trusted (${fault.code}).`, `Correct ${address}, or start the daemon with NODE_EXTRA_CA_CERTS naming the file of the certificate authority.`);
    case 'not-http':
      return failure('REFUSED', `${server} does not answer as expected (${fault.code}).`, `Check ${address}: http:// or https://, and the port.`);
    case 'unsendable':
      return failure('REFUSED', `The request to ${server} cannot be sent (${fault.code}).`, `The key may hold characters that do not belong to it; store it again: mctl config set-key ${provider}`);
    case 'status':
      return explainStatus(fault.status, fault.headers, serverMessage(fault.body, context), context);
    case 'not-a-stream': {
      const message = quote(serverMessage(fault.body, context));
      const type = presentable(fault.contentType, secretsOf(context)) || 'something else';
      return failure('REFUSED', `${server} sent ${type} and not the stream of a reply${message}.`, `Check ${address}; it often ends in /v1.`);
    }
    case 'silence': {
      const moment = fault.begun ? 'stopped sending' : 'accepted the request and sent nothing';
      const setting = fault.begun ? 'silence_timeout_seconds' : 'first_byte_timeout_seconds';
      return failure('BROKEN_STREAM', `${provider} ${moment} for ${seconds(fault.afterMs)}.`, `Try again; a slow model may need a longer ${setting} in [providers.${provider}].`);
    }
    case 'cut':
      return failure('BROKEN_STREAM', `The connection to ${provider} broke in the middle of the reply (${fault.code}).`, 'Try again.');
    case 'too-large':
      return failure('BROKEN_STREAM', `The reply of ${provider} is larger than 4 MB and was cut off.`, 'Ask for less at once.', { retryable: false });
    case 'total-timeout':
      return failure('BROKEN_STREAM', `The reply of ${provider} was not finished after ${seconds(fault.afterMs)} and was cut off.`, 'Ask for less at once.', { retryable: false });
  }
}

/**
 * The error for a stream that arrived but is not a whole reply.
 *
 * @param reported What the server itself says in it, or what the library that reads it objects to.
 */
export function explainStream(reported: unknown, context: ProviderContext): ProtocolError {
  const { provider } = context;
  if (reported instanceof Error) {
    // The library's words quote what it read; only an error that the server put there is for a person.
    const value: unknown = 'value' in reported ? reported.value : undefined;
    if (messageIn(value) !== undefined) return explainStream(value, context);
    const isMalformed = /JSONParse|TypeValidation/.test(reported.name);
    const what = isMalformed ? 'sent something that is not a part of a reply' : 'ended the reply without finishing it';
    return failure('BROKEN_STREAM', `${provider} ${what}.`, 'Try again.');
  }
  const message = presentable(messageIn(reported) ?? '', secretsOf(context));
  const code = codeIn(reported);
  if (code !== undefined && code >= 400 && code <= 599 && code !== 500) return explainStatus(code, {}, message, context);
  return failure('BROKEN_STREAM', `${provider} broke off the reply${quote(message)}.`, 'Try again.');
}

/** The error for a conversation that holds what this kind of server cannot take. */
export function unsupported(what: string, context: ProviderContext): ProtocolError {
  const { provider } = context;
  return failure('REFUSED', `The conversation cannot be sent to ${provider}: ${presentable(what, secretsOf(context))}.`, 'Leave that part out, or choose a model of another provider.');
}

/** The error for a key that the configuration names and nobody has given. */
export function missingKey(context: ProviderContext): ProtocolError {
  const { provider, keyVariable } = context;
  const variable = keyVariable === undefined ? '' : `set ${keyVariable} in the shell that you start m from, or `;
  return new ProtocolError('PROVIDER_KEY_MISSING', `There is no API key for ${provider}.`, {
    hint: sentence(`${variable}store the key: mctl config set-key ${provider}`),
  });
}

function explainStatus(status: number, headers: Readonly<Record<string, string>>, message: string, context: ProviderContext): ProtocolError {
  const { provider, baseUrl } = context;
  const said = quote(message);
  const wait = retryAfterMs(headers, Date.now());
  const later = wait === undefined ? {} : { retryAfterMs: wait };
  if (status === 429 && !/insufficient_quota|exceeded your current quota/i.test(message)) {
    return failure('RATE_LIMITED', `${provider} asks to slow down (429)${said}.`, 'The limit is that of your account or of the server.', later);
  }
  if ([408, 425, 502, 503, 504, 529].includes(status) || (status >= 520 && status <= 524)) {
    return failure('UNREACHABLE', `${provider} (${baseUrl}) is not available now (${status})${said}.`, 'The server or one behind it is down or busy.', later);
  }
  if (status >= 500) return failure('BROKEN_STREAM', `${provider} failed (${status})${said}.`, 'The fault is in the server; try again.', later);
  const [what, hint] = refusal(status, message, headers, context);
  return failure('REFUSED', `${provider} ${what} (${status})${said}.`, hint);
}

function refusal(status: number, message: string, headers: Readonly<Record<string, string>>, context: ProviderContext): [string, string] {
  const { provider, model } = context;
  const address = `base_url of [providers.${provider}]`;
  const otherModel = '/models lists what can be chosen.';
  if (status < 400) {
    const target = presentable(headers['location'] ?? '', secretsOf(context));
    return [`redirects${target === '' ? '' : ` to ${target}`}, which m does not follow`, `If that address is right, put it into ${address}.`];
  }
  if (status === 401) {
    const first = context.apiKey === undefined ? 'asks for an API key' : 'does not accept the API key';
    return [first, missingKey(context).hint];
  }
  if (status === 402 || status === 429) return ['wants to be paid first', `Check the balance of your account at ${provider}.`];
  if (status === 403) return ['denies access', `The key may lack the right to use ${model ?? 'this'}; ${otherModel} Another key: mctl config set-key ${provider}`];
  if (status === 404 || /model.{0,40}(not found|not exist|unknown)|model_not_found/i.test(message)) {
    return [`has no ${model === undefined ? 'list of models' : `model "${model}"`}`, `${otherModel} If none appear, check ${address}; it often ends in /v1.`];
  }
  if (status === 413 || /context.{0,20}(length|window)|too many tokens|maximum.{0,20}tokens/i.test(message)) {
    return ['finds the conversation too long', 'Go on in a shorter one (/reset, or /fork from an earlier turn), or choose a model that takes more.'];
  }
  if (status === 405) return ['does not take requests at this address', `Check ${address}; it often ends in /v1.`];
  return ['refused the request', `Change what the message names, or choose another model. ${otherModel}`];
}

function failure(kind: ErrorKind, message: string, hint: string, options: { retryable?: boolean; retryAfterMs?: number } = {}): ProtocolError {
  return new ProtocolError(kind, message, { hint, retryable: kind !== 'REFUSED', ...options });
}

function networkReason(code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'the connection was refused (ECONNREFUSED)';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name of the server cannot be looked up (${code})`;
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'ENETDOWN':
      return `there is no way to it from this machine (${code})`;
    case 'closed':
    case 'ECONNRESET':
      return 'it closed the connection without an answer';
    default:
      return code;
  }
}

function serverMessage(body: string, context: ProviderContext): string {
  let parsed: unknown = body;
  try {
    parsed = JSON.parse(body);
  } catch {
    // A page for a browser says nothing in one line.
    if (/^\s*</.test(body)) return '';
  }
  return presentable(messageIn(parsed) ?? '', secretsOf(context));
}

/** Finds the sentence in the many shapes in which servers report an error. */
function messageIn(value: unknown, depth = 0): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || depth > 4) return undefined;
  if (Array.isArray(value)) return messageIn(value[0], depth + 1);
  const fields = value as Record<string, unknown>;
  for (const name of ['error', 'message', 'detail', 'msg', 'errors', 'code']) {
    const found = messageIn(fields[name], depth + 1);
    if (found !== undefined && found !== '') return found;
  }
  return undefined;
}

function codeIn(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { code, status, type, error } = value as Record<string, unknown>;
  for (const candidate of [code, status, type]) {
    if (/^[45]\d\d$/.test(String(candidate))) return Number(candidate);
    if (/rate_limit/i.test(String(candidate))) return 429;
    if (/overloaded|unavailable/i.test(String(candidate))) return 503;
  }
  return codeIn(error);
}

function secretsOf(context: ProviderContext): string[] {
  return context.apiKey === undefined ? [] : [context.apiKey];
}

function quote(message: string): string {
  return message === '' ? '' : `: "${message.replace(/[.\s]+$/, '')}"`;
}

function seconds(milliseconds: number): string {
  const value = Math.round(milliseconds / 100) / 10;
  return `${value} ${value === 1 ? 'second' : 'seconds'}`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
