/** Asks a server that speaks the OpenAI chat format. */
import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4StreamPart } from '@ai-sdk/provider';
import type { ProviderConfiguration } from '../config/configuration.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { Exchange } from './exchange.ts';
import { toPrompt } from './prompt-mapping.ts';
import { explainFault, explainStream, unsupported } from './provider-errors.ts';
import { missingKey, type ProviderContext } from './provider-failure.ts';
import { ReplyCollector } from './reply-collector.ts';
import type { StepModel, StepReply, StepRequest, StepSink } from './step-model.ts';

/** No reply takes longer; a server that only sends signs of life would otherwise be waited for without end. */
const TOTAL_TIMEOUT_MS = 3_600_000;

export class OpenAICompatibleModel implements StepModel {
  private readonly provider: ProviderConfiguration;

  constructor(provider: ProviderConfiguration) {
    this.provider = provider;
  }

  async step(request: StepRequest, sink: StepSink, signal: AbortSignal): Promise<StepReply> {
    signal.throwIfAborted();
    const context = this.contextOf(request);
    if (context.apiKey === undefined && context.keyVariable !== undefined) throw missingKey(context);
    // Whoever builds the request would object with the key in the message.
    if (!/^[\x20-\x7e]*$/.test(context.apiKey ?? '')) throw explainFault({ kind: 'unsendable' }, context);
    const exchange = new Exchange({ ...this.provider, totalTimeoutMs: TOTAL_TIMEOUT_MS }, signal);
    try {
      return await this.ask(request, context, exchange, new ReplyCollector(sink), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ProtocolError || exchange.fault === undefined) throw error;
      throw explainFault(exchange.fault, context);
    } finally {
      exchange.close();
    }
  }

  private async ask(
    request: StepRequest,
    context: ProviderContext,
    exchange: Exchange,
    collector: ReplyCollector,
    signal: AbortSignal,
  ): Promise<StepReply> {
    const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
    const model = createOpenAICompatible({
      name: this.provider.name,
      baseURL: this.provider.baseUrl,
      ...(context.apiKey === undefined ? {} : { apiKey: context.apiKey }),
      headers: this.provider.headers,
      includeUsage: true,
      fetch: exchange.fetch,
    }).chatModel(request.model);
    const stream = await open(model, { prompt: toPrompt(request.messages), abortSignal: signal }, context);
    const reader = stream.getReader();
    // What the server says comes first; what the library misses is explained by how the exchange ended.
    const broken = (reported: unknown): ProtocolError =>
      reported instanceof Error && exchange.fault !== undefined
        ? explainFault(exchange.fault, context)
        : explainStream(reported, context);
    for (;;) {
      // Only here: an error of the sink is not one of the stream.
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw broken(error);
      });
      signal.throwIfAborted();
      if (done) break;
      exchange.progress();
      if (value.type === 'error') throw broken(value.error);
      if (isFailedFinish(value)) throw broken(undefined);
      collector.add(value);
      if (collector.isTooLarge) throw explainFault({ kind: 'too-large', bytes: 0 }, context);
    }
    if (collector.reply === undefined) throw broken(new Error('no end'));
    return collector.reply;
  }

  private contextOf(request: StepRequest): ProviderContext {
    const { name, baseUrl, apiKeyEnv } = this.provider;
    const apiKey = request.apiKey === '' ? undefined : request.apiKey;
    return { provider: name, baseUrl, model: request.model, apiKey, keyVariable: apiKeyEnv };
  }
}

async function open(
  model: LanguageModelV4,
  options: LanguageModelV4CallOptions,
  context: ProviderContext,
): Promise<ReadableStream<LanguageModelV4StreamPart>> {
  try {
    return (await model.doStream(options)).stream;
  } catch (error) {
    throw isUnsupported(error) ? unsupported(error.functionality, context) : error;
  }
}

function isUnsupported(error: unknown): error is Error & { functionality: string } {
  return error instanceof Error && error.name === 'AI_UnsupportedFunctionalityError' && 'functionality' in error;
}

/** Some servers say `error` where the reason belongs. */
function isFailedFinish(piece: LanguageModelV4StreamPart): boolean {
  return piece.type === 'finish' && (piece.finishReason.unified === 'error' || piece.finishReason.raw === 'error');
}
