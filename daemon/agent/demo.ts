/** The built-in model: no network, no intelligence, and the same words for the same conversation every time. */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Part } from '../../protocol/message.ts';
import { countWords, scriptFor, textOf, type DemoFailure } from './demo-script.ts';
import type { StepModel, StepReply, StepRequest, StepSink } from './step-model.ts';

/** With no pause asked for, other work gets its turn after so many pieces. */
const BURST = 50;

export class DemoModel implements StepModel {
  async step(request: StepRequest, sink: StepSink, signal: AbortSignal): Promise<StepReply> {
    const script = scriptFor(request.messages);
    const play = async (pieces: Iterable<string>, tell: (piece: string) => void): Promise<string> => {
      const told: string[] = [];
      for (const piece of pieces) {
        if (script.pauseMs > 0 || told.length % BURST === 0) await pause(script.pauseMs, signal);
        signal.throwIfAborted();
        tell(piece);
        told.push(piece);
      }
      return told.join('');
    };
    signal.throwIfAborted();
    const reasoning = await play(script.reasoning, (piece) => {
      sink.reasoning(piece);
    });
    const text = await play(script.text, (piece) => {
      sink.text(piece);
    });
    if (script.failure !== undefined) throw failure(script.failure);
    const parts: Part[] = [{ type: 'text', text }];
    if (reasoning !== '') parts.unshift({ type: 'reasoning', text: reasoning });
    const inputTokens = request.messages.reduce((sum, message) => sum + countWords(textOf(message)), 0);
    const calls = script.calls.map((call, index) => ({ type: 'tool-call' as const, callId: `demo-${index}`, ...call }));
    const usage = { inputTokens, outputTokens: countWords(reasoning) + countWords(text) };
    return { parts: [...parts, ...calls], usage, reason: calls.length === 0 ? 'stop' : 'tool-calls' };
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await (milliseconds > 0 ? setTimeout(milliseconds, undefined, { signal }) : setImmediate(undefined, { signal }));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

function failure(kind: DemoFailure): ProtocolError {
  const asked = 'because the prompt asked for it; no network was used';
  const hint = 'Send any other prompt.';
  const endless = 'It fails in the same way every time: cancel the turn to end it.';
  switch (kind) {
    case 'refused':
      return new ProtocolError('REFUSED', `demo/offline refuses, ${asked}.`, { hint });
    case 'unreachable':
      return new ProtocolError('UNREACHABLE', `demo/offline plays a server that cannot be reached, ${asked}.`, {
        hint: endless,
        retryable: true,
      });
    case 'rate-limited':
      return new ProtocolError('RATE_LIMITED', `demo/offline plays a server that asks to slow down, ${asked}.`, {
        hint: endless,
        retryable: true,
        retryAfterMs: 1000,
      });
    case 'broken-stream':
      return new ProtocolError('BROKEN_STREAM', `demo/offline breaks off its answer, ${asked}.`, {
        hint: endless,
        retryable: true,
      });
  }
}
