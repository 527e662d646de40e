/** Says in words why a reply that has ended is not an answer. */
import type { LanguageModelV4StreamPart } from '@ai-sdk/provider';
import type { ProtocolError } from '../../protocol/errors.ts';
import { failure, quote, secretsOf, type ProviderContext } from './provider-failure.ts';
import { presentable } from './provider-text.ts';
import { fieldsOf } from './wire-format.ts';

type Finish = Extract<LanguageModelV4StreamPart, { type: 'finish' }>;

/**
 * The error for the end of a reply; undefined when the end is a good one. A filter that cuts off an answer leaves what
 * was written, and the reason says so; one that leaves nothing is a refusal.
 *
 * @param hasAnswer Whether there is any text or tool call.
 */
export function explainFinish(finish: Finish, hasAnswer: boolean, context: ProviderContext): ProtocolError | undefined {
  const { unified, raw } = finish.finishReason;
  const { provider } = context;
  const reason = raw === undefined || raw === 'error' || raw === unified ? '' : ` (${words(raw, context)})`;
  const end = `${reason}${quote(remark(finish, context))}.`;
  // Some servers say `error` where the reason belongs.
  if (unified === 'error' || raw === 'error') {
    return failure('BROKEN_STREAM', `${provider} broke off the reply${end}`, 'Try again.');
  }
  if (hasAnswer) return undefined;
  if (unified === 'content-filter') {
    const hint = 'Say it in other words, go back to an earlier turn (/fork), or choose another model.';
    return failure('REFUSED', `${provider} refuses to answer${end}`, hint);
  }
  if (unified === 'tool-calls') {
    return failure('BROKEN_STREAM', `${provider} announced a tool call and sent none${end}`, 'Try again.');
  }
  if (unified === 'other') {
    return failure('BROKEN_STREAM', `${provider} ended the reply without an answer${end}`, 'Try again.');
  }
  return undefined;
}

/** What the server says about the end, fit to be shown; empty when it says nothing. */
function remark(finish: Finish, context: ProviderContext): string {
  const { anthropic, google } = finish.providerMetadata ?? {};
  const found = [google?.['finishMessage'], fieldsOf(anthropic?.['stopDetails'])['explanation']];
  return words(found.find((one) => typeof one === 'string') ?? '', context);
}

function words(text: string, context: ProviderContext): string {
  return presentable(text, secretsOf(context));
}
