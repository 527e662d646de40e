/** Says in words what went wrong between m and a provider, and what a person can do about it. */
import type { ProtocolError } from '../../protocol/errors.ts';
import type { Fault } from './exchange.ts';
import {
  addressHint,
  addressOf,
  failure,
  keyHint,
  quote,
  secretsOf,
  type ProviderContext,
} from './provider-failure.ts';
import { explainStatus, isTooLong } from './provider-status.ts';
import { presentable } from './provider-text.ts';
import { codeIn, factsIn, messageIn, messageInBody } from './server-message.ts';

/** Faults after which there is no answer at all. */
type NoAnswer = Extract<Fault, { kind: 'unreachable' | 'connect-timeout' | 'untrusted' | 'not-http' | 'unsendable' }>;

/** The error for a failed exchange. The key never occurs in it, even when the server sent it back. */
export function explainFault(fault: Fault, context: ProviderContext): ProtocolError {
  const { provider } = context;
  switch (fault.kind) {
    case 'unreachable':
    case 'connect-timeout':
    case 'untrusted':
    case 'not-http':
    case 'unsendable':
      return explainNoAnswer(fault, context);
    case 'status': {
      const { status, headers, body } = fault;
      const message = messageInBody(body, secretsOf(context));
      return explainStatus({ status, headers, message, facts: factsIn(body) }, context);
    }
    case 'not-a-stream': {
      const type = presentable(fault.contentType, secretsOf(context)) || 'something else';
      const what = `${provider} (${context.baseUrl}) sent ${type} and not the stream of a reply`;
      const message = quote(messageInBody(fault.body, secretsOf(context)));
      return failure('REFUSED', `${what}${message}.`, `Check ${addressHint(context)}`);
    }
    case 'silence': {
      const what = fault.begun ? 'stopped sending' : 'took the request and sent nothing';
      const setting = fault.begun ? 'silence_timeout_seconds' : 'first_byte_timeout_seconds';
      const hint = `Try again; a slow model may need a longer ${setting} in [providers.${provider}].`;
      return failure('BROKEN_STREAM', `${provider} ${what} for ${seconds(fault.afterMs)}.`, hint);
    }
    case 'cut': {
      const what = `The connection to ${provider} broke in the middle of the reply (${fault.code}).`;
      return failure('BROKEN_STREAM', what, 'Try again.');
    }
    case 'too-large':
      return hopeless(`The reply of ${provider} is larger than 4 MB and was cut off.`);
    case 'total-timeout':
      return hopeless(`The reply of ${provider} was not finished after ${seconds(fault.afterMs)} and was cut off.`);
  }
}

/**
 * The error for a stream that arrived but is not a whole reply.
 *
 * @param reported What the server itself says in it, or what the library that reads it objects to.
 * @param hasBegun Whether a part of the reply came before it: then a server that is suddenly busy has broken it off.
 */
export function explainStream(reported: unknown, context: ProviderContext, hasBegun: boolean): ProtocolError {
  const { provider } = context;
  if (reported instanceof Error) return explainObjection(reported, context, hasBegun);
  const message = presentable(messageIn(reported) ?? '', secretsOf(context));
  const facts = factsIn(JSON.stringify(reported) ?? '');
  const code = codeIn(reported);
  const answer = { status: code ?? 400, headers: {}, message, facts };
  if (!hasBegun && isTooLong(answer)) return explainStatus(answer, context);
  if (code !== undefined && (code < 500 || (!hasBegun && code !== 500))) {
    return explainStatus(answer, context);
  }
  const later = facts.retryAfterMs === undefined ? {} : { retryAfterMs: facts.retryAfterMs };
  const hint = code === undefined || code === 500 ? 'Try again.' : 'The server is busy; try again.';
  return failure('BROKEN_STREAM', `${provider} broke off the reply${quote(message)}.`, hint, later);
}

/** The library's words quote what it read; only an error that the server put there is for a person. */
function explainObjection(objection: Error, context: ProviderContext, hasBegun: boolean): ProtocolError {
  const value: unknown = 'value' in objection ? objection.value : undefined;
  if (messageIn(value) !== undefined) return explainStream(value, context, hasBegun);
  if (/JSONParse|TypeValidation/.test(objection.name)) return notAReply(context);
  return failure('BROKEN_STREAM', `${context.provider} ended the reply without finishing it.`, 'Try again.');
}

/** The error for a stream whose content nobody understands. */
export function notAReply(context: ProviderContext): ProtocolError {
  return failure('BROKEN_STREAM', `${context.provider} sent something that is not a part of a reply.`, 'Try again.');
}

/** The error for a conversation that does not end with anything to be answered. */
export function nothingToAnswer(context: ProviderContext): ProtocolError {
  const what = `There is nothing for ${context.provider} to answer: the prompt has no text and no image.`;
  return failure('REFUSED', what, 'Send a prompt with words in it.');
}

/** The error for a conversation that holds what this kind of server cannot take. */
export function unsupported(what: string, context: ProviderContext): ProtocolError {
  const { provider } = context;
  return failure(
    'REFUSED',
    `The conversation cannot be sent to ${provider}: ${presentable(what, secretsOf(context))}.`,
    'Leave that part out, or choose a model of another provider.',
  );
}

function explainNoAnswer(fault: NoAnswer, context: ProviderContext): ProtocolError {
  const server = `${context.provider} (${context.baseUrl})`;
  const address = addressOf(context);
  const check = `Check that the server runs, the network, and ${address}.`;
  switch (fault.kind) {
    case 'unreachable':
      return failure('UNREACHABLE', `${server} cannot be reached: ${networkReason(fault.code)}.`, check);
    case 'connect-timeout': {
      const what = `no connection within ${seconds(fault.afterMs)}`;
      return failure('UNREACHABLE', `${server} cannot be reached: ${what}.`, check);
    }
    case 'untrusted': {
      const hint = `Correct ${address}, or name the file of the authority in NODE_EXTRA_CA_CERTS where m is started.`;
      return failure('REFUSED', `The certificate of ${server} is not trusted (${fault.code}).`, hint);
    }
    case 'not-http': {
      const hint = `Check ${address}: http:// or https://, and the port.`;
      return failure('REFUSED', `${server} does not answer in the way of a web server (${fault.code}).`, hint);
    }
    case 'unsendable': {
      const what = `The request to ${server} cannot be sent: the API key holds characters that no key has`;
      return failure('REFUSED', `${what}.`, keyHint(context));
    }
  }
}

/** The same request would end in the same way. */
function hopeless(what: string): ProtocolError {
  return failure('BROKEN_STREAM', what, 'Ask for less at once.', { retryable: false });
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

function seconds(milliseconds: number): string {
  const value = Math.round(milliseconds / 100) / 10;
  return `${value} ${value === 1 ? 'second' : 'seconds'}`;
}
