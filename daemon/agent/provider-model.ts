/** Asks a model of a configured server, in whichever format that server speaks. */
import type {
  LanguageModelV4CallOptions,
  LanguageModelV4FunctionTool,
  LanguageModelV4StreamPart,
} from '@ai-sdk/provider';
import type { ToolSpec } from '../services/tool-port.ts';
import type { ProviderConfiguration } from '../config/configuration.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import { Exchange } from './exchange.ts';
import type { Origin } from './part-origin.ts';
import { toPrompt } from './prompt-mapping.ts';
import { explainFault, explainStream, notAReply, nothingToAnswer, unsupported } from './provider-errors.ts';
import { missingKey, type ProviderContext } from './provider-failure.ts';
import { explainFinish } from './provider-finish.ts';
import { ReplyCollector } from './reply-collector.ts';
import type { StepModel, StepReply, StepRequest, StepSink } from './step-model.ts';
import { fieldsOf, type WireFormat } from './wire-format.ts';
import { formatOf } from './wire-formats.ts';

/** No reply takes longer; a server that only sends signs of life would otherwise be waited for without end. */
const TOTAL_TIMEOUT_MS = 3_600_000;

/** The pieces as the server sends them, beside what the library makes of them: it tells of the end only at the end. */
const RAW = { includeRawChunks: true } as const;

export class ProviderModel implements StepModel {
  private readonly provider: ProviderConfiguration;
  private readonly format: WireFormat;

  constructor(provider: ProviderConfiguration) {
    this.provider = provider;
    this.format = formatOf(provider);
  }

  async step(request: StepRequest, sink: StepSink, signal: AbortSignal): Promise<StepReply> {
    signal.throwIfAborted();
    const context = this.contextOf(request);
    if (context.apiKey === undefined && context.keyVariable !== undefined) throw missingKey(context);
    // Whoever builds the request would object with the key in the message.
    if (!/^[\x20-\x7e]*$/.test(context.apiKey ?? '')) throw explainFault({ kind: 'unsendable' }, context);
    const exchange = new Exchange({ ...this.provider, totalTimeoutMs: TOTAL_TIMEOUT_MS }, signal);
    const collector = new ReplyCollector(sink, this.originOf(request));
    try {
      const stream = await this.open(request, context, exchange, signal);
      return await this.collect(stream, context, exchange, collector, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw this.explain(error, context, exchange);
    } finally {
      exchange.close();
    }
  }

  private async open(
    request: StepRequest,
    context: ProviderContext,
    exchange: Exchange,
    signal: AbortSignal,
  ): Promise<ReadableStream<LanguageModelV4StreamPart>> {
    const conversation = toPrompt(request.messages, this.originOf(request), this.format.prompt);
    if (conversation.length === 0) throw nothingToAnswer(context);
    const system = request.system === '' ? [] : [{ role: 'system' as const, content: request.system }];
    const prompt = [...system, ...conversation];
    const tools = toTools(request.tools);
    const { provider } = this;
    const model = await this.format.connect({ provider, apiKey: context.apiKey, fetch: exchange.fetch }, request.model);
    const options = { ...this.format.options(provider), ...tools, prompt, abortSignal: signal, ...RAW };
    return (await model.doStream(options)).stream;
  }

  private async collect(
    stream: ReadableStream<LanguageModelV4StreamPart>,
    context: ProviderContext,
    exchange: Exchange,
    collector: ReplyCollector,
    signal: AbortSignal,
  ): Promise<StepReply> {
    const reader = stream.getReader();
    // What the server says comes first; what the library misses is explained by how the exchange ended.
    const broken = (reported: unknown): ProtocolError =>
      reported instanceof Error && exchange.fault !== undefined
        ? explainFault(exchange.fault, context)
        : explainStream(reported, context, collector.hasBegun);
    for (;;) {
      // Only here: an error of the sink is not one of the stream.
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw broken(error);
      });
      signal.throwIfAborted();
      if (done) break;
      if (value.type === 'raw') {
        exchange.piece(this.format.givesReason(value.rawValue));
        continue;
      }
      exchange.progress();
      if (value.type === 'error') {
        if (this.format.isHarmless(value.error)) continue;
        throw broken(value.error);
      }
      if (value.type === 'finish') {
        if (value.finishReason.unified === 'interrupted') break;
        const failure = explainFinish(value, collector.hasAnswer, context);
        if (failure !== undefined) throw failure;
      }
      collector.add(value);
      if (collector.isTooLarge) throw explainFault({ kind: 'too-large', bytes: 0 }, context);
      // Whatever keeps the connection open behind the end of a reply has nothing to do with it.
      if (value.type === 'finish') break;
    }
    if (collector.reply === undefined) throw broken(new Error('no end'));
    return collector.reply;
  }

  /** The error for a person; anything that no server has a part in stays as it is. */
  private explain(error: unknown, context: ProviderContext, exchange: Exchange): unknown {
    if (error instanceof ProtocolError) return error;
    if (isUnsupported(error)) return unsupported(error.functionality, context);
    const reported = reportedBeforeReply(error);
    if (reported !== undefined) return explainStream(reported, context, false);
    if (exchange.fault !== undefined) return explainFault(exchange.fault, context);
    return exchange.hasAnswered ? notAReply(context) : error;
  }

  private originOf(request: StepRequest): Origin {
    return { provider: this.provider.name, server: this.provider.baseUrl, model: request.model };
  }

  private contextOf(request: StepRequest): ProviderContext {
    const { name, baseUrl, apiKeyEnv } = this.provider;
    const apiKey = request.apiKey === '' ? undefined : request.apiKey;
    const { usualEnd } = this.format;
    return { provider: name, baseUrl, usualEnd, model: request.model, apiKey, keyVariable: apiKeyEnv };
  }
}

/** Servers refuse an empty list of tools. */
function toTools(tools: readonly ToolSpec[]): Pick<LanguageModelV4CallOptions, 'tools' | 'toolChoice'> {
  if (tools.length === 0) return {};
  const functions = tools.map(({ name, description, schema }) => {
    // The shape is the library's own; what a specification holds is a JSON Schema.
    const inputSchema = schema as LanguageModelV4FunctionTool['inputSchema'];
    return { type: 'function' as const, name, description, inputSchema };
  });
  return { tools: functions, toolChoice: { type: 'auto' } };
}

function isUnsupported(error: unknown): error is Error & { functionality: string } {
  return error instanceof Error && error.name === 'AI_UnsupportedFunctionalityError' && 'functionality' in error;
}

/** The error with which a stream began: some libraries look at the first event before they hand out the stream. */
function reportedBeforeReply(error: unknown): unknown {
  if (!(error instanceof Error) || !('responseBody' in error) || typeof error.responseBody !== 'string')
    return undefined;
  const statusCode = 'statusCode' in error ? error.statusCode : undefined;
  try {
    return { ...fieldsOf(JSON.parse(error.responseBody)), statusCode };
  } catch {
    return { message: error.responseBody, statusCode };
  }
}
