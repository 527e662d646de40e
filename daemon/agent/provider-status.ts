/** Says in words what a provider means by an HTTP status. */
import type { ProtocolError } from '../../protocol/errors.ts';
import {
  addressHint,
  addressOf,
  ConversationTooLong,
  failure,
  keyHint,
  quote,
  secretsOf,
  type ProviderContext,
} from './provider-failure.ts';
import { presentable } from './provider-text.ts';
import { retryAfterMs } from './retry-after.ts';
import type { ErrorFacts } from './server-message.ts';

/** A refusal as it arrived. */
export interface BadAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the server says, already fit to be shown; empty when it says nothing. */
  readonly message: string;
  readonly facts: ErrorFacts;
}

/** What a person reads: continues the name of the provider, and what to do. */
interface Words {
  readonly what: string;
  readonly hint: string;
}

const LIST_HINT = '/models lists what can be chosen.';
const TOO_LONG_HINT =
  'Sum it up (/compact), go on in a shorter one (/reset, or /fork at an earlier turn), or choose a model that takes more.';
const UNKNOWN_MODEL = /model.{0,60}(not found|not exist|unknown)|(unknown|invalid) model|model_not_found/i;
/** As OpenAI, Anthropic, Google, Mistral, Alibaba, xAI, vLLM, llama.cpp, LM Studio and others put it. */
const TOO_LONG = new RegExp(
  [
    'context.{0,30}(length|window|size|limit)',
    'too many (input )?tokens',
    'maximum.{0,20}tokens',
    '(prompt|input|request) (is |was )?too (long|large)',
    'prompt contains.{0,60}too large',
    'maximum (model|prompt|input) length',
    'token (count|limit).{0,60}exceed',
    'exceed.{0,30}token limit',
    'range of input length',
    'reduce the length of the (messages|input|prompt)',
  ].join('|'),
  'i',
);

/** The error for a status that is not 2xx. */
export function explainStatus(answer: BadAnswer, context: ProviderContext): ProtocolError {
  const { status, headers } = answer;
  const { provider, baseUrl } = context;
  const wait = retryAfterMs(headers, Date.now(), { withLimits: status === 429 }) ?? answer.facts.retryAfterMs;
  const later = wait === undefined ? {} : { retryAfterMs: wait };
  const end = `(${status})${quote(answer.message)}.`;
  if (isTooLong(answer)) {
    return new ConversationTooLong('REFUSED', `${provider} finds the conversation too long ${end}`, {
      hint: TOO_LONG_HINT,
    });
  }
  if (status === 429 && !answer.facts.isUnpaid) {
    const hint = 'The limit is that of your account or of the server.';
    return failure('RATE_LIMITED', `${provider} asks to slow down ${end}`, hint, later);
  }
  if ([408, 425, 499, 502, 503, 504, 529].includes(status) || (status >= 520 && status <= 524)) {
    const hint = 'The server, or one behind it, is down or busy.';
    return failure('UNREACHABLE', `${provider} (${baseUrl}) is not available now ${end}`, hint, later);
  }
  if (status >= 500) {
    return failure('BROKEN_STREAM', `${provider} failed ${end}`, 'The fault is in the server; try again.', later);
  }
  const { what, hint } = refusal(answer, context);
  return failure('REFUSED', `${provider} ${what} ${end}`, hint);
}

/** Whether a server says so, whatever status it gives it; one that is only too much for now is waited for. */
export function isTooLong({ status, message, facts }: BadAnswer): boolean {
  if (status === 429) return /request too large/i.test(message);
  if ([401, 402, 403, 404].includes(status) || UNKNOWN_MODEL.test(message)) return false;
  return status === 413 || facts.isTooLong || TOO_LONG.test(message);
}

function refusal(answer: BadAnswer, context: ProviderContext): Words {
  const { status, message } = answer;
  const { provider, model } = context;
  if (status < 400) return redirect(answer, context);
  if (status === 401 || answer.facts.isKeyRefused) {
    const what = context.apiKey === undefined ? 'asks for an API key' : 'does not accept the API key';
    return { what, hint: keyHint(context) };
  }
  if (status === 402 || answer.facts.isUnpaid) {
    return { what: 'wants to be paid first', hint: `Check the balance of your account at ${provider}.` };
  }
  if (status === 403) {
    const hint = `The key may lack the right to use ${model ?? 'this'}. ${LIST_HINT} ${keyHint(context)}`;
    return { what: 'denies access', hint };
  }
  if (status === 404 || UNKNOWN_MODEL.test(message)) {
    const what = model === undefined ? 'has no list of models' : `has no model "${model}"`;
    return { what, hint: `${LIST_HINT} If none appear, check ${addressHint(context)}` };
  }
  if (status === 405) {
    return { what: 'takes no requests at this address', hint: `Check ${addressHint(context)}` };
  }
  return { what: 'refused the request', hint: `Change what the message names, or choose another model. ${LIST_HINT}` };
}

function redirect(answer: BadAnswer, context: ProviderContext): Words {
  const target = presentable(answer.headers['location'] ?? '', secretsOf(context));
  const what = target === '' ? 'redirects elsewhere' : `redirects to ${target}`;
  return {
    what,
    hint: `m does not send a key where nobody told it to. If that address is right, put it into ${addressOf(context)}.`,
  };
}
