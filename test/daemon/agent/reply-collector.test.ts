import type { LanguageModelV4StreamPart } from '@ai-sdk/provider';
import { describe, expect, test } from 'vitest';
import { ReplyCollector } from '../../../daemon/agent/reply-collector.ts';

const ORIGIN = { provider: 'p', server: 'http://s', model: 'x' };
const MB = 1024 * 1024;
const USAGE = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 2, text: 2, reasoning: 0 },
};
const finish = (unified: 'stop' | 'other' | 'length', raw: string): LanguageModelV4StreamPart => ({
  type: 'finish',
  usage: USAGE,
  finishReason: { unified, raw },
});
const call = (extra: object = {}): LanguageModelV4StreamPart => ({
  type: 'tool-call',
  toolCallId: 'c',
  toolName: 'read',
  input: '{}',
  ...extra,
});

function collect(...pieces: LanguageModelV4StreamPart[]): { collector: ReplyCollector; told: string[] } {
  const told: string[] = [];
  const sink = { text: (delta: string) => told.push(delta), reasoning: (delta: string) => told.push(`(${delta})`) };
  const collector = new ReplyCollector(sink, ORIGIN);
  for (const piece of pieces) collector.add(piece);
  return { collector, told };
}

describe('a reply in pieces', () => {
  test('keeps blocks apart and each in its place, also when they are written in turns or under one id', () => {
    const { collector, told } = collect(
      { type: 'reasoning-start', id: '0' },
      { type: 'reasoning-delta', id: '0', delta: 'a' },
      { type: 'text-start', id: '0' },
      { type: 'text-delta', id: '0', delta: 'b' },
      { type: 'reasoning-delta', id: '0', delta: 'c' },
      { type: 'reasoning-end', id: '0', providerMetadata: { f: { signature: 's' } } },
      { type: 'reasoning-start', id: '0' },
      { type: 'reasoning-delta', id: '0', delta: 'd' },
      finish('stop', 'end'),
    );
    expect(told).toEqual(['(a)', 'b', '(c)', '(d)']);
    const p = { server: 'http://s', model: 'x' };
    expect(collector.reply).toEqual({
      parts: [
        { type: 'reasoning', text: 'ac', providerMetadata: { p: { ...p, kept: { f: { signature: 's' } } } } },
        { type: 'text', text: 'b' },
        { type: 'reasoning', text: 'd', providerMetadata: { p } },
      ],
      usage: { inputTokens: 1, outputTokens: 2 },
      reason: 'stop',
    });
  });

  test('that was cut off before the input of its last call holds no call that could be made', () => {
    const inputs = (reason: 'stop' | 'length', ...given: string[]) =>
      collect(...given.map((input) => call({ input })), finish(reason, 'x')).collector.reply?.parts.map((part) =>
        part.type === 'tool-call' ? part.arguments : '',
      );
    expect(inputs('length', '{}', '{}')).toEqual(['{}', '{']);
    expect(inputs('length', '')).toEqual(['{']);
    expect(inputs('length', '{"a":1}')).toEqual(['{"a":1}']);
    expect(inputs('stop', '{}')).toEqual(['{}']);
  });

  test('holds no blocks without content', () => {
    const { collector } = collect(
      { type: 'text-start', id: '0' },
      { type: 'text-end', id: '0' },
      finish('stop', 'end'),
    );
    expect(collector.hasBegun).toBe(false);
    expect(collector.reply?.parts).toEqual([]);
  });

  test('leaves out what the server did itself', () => {
    const { collector } = collect(call({ providerExecuted: true }), finish('stop', 'end'));
    expect(collector.reply).toMatchObject({ parts: [], reason: 'stop' });
  });

  test.each([
    ['stop', 'stop', 'tool-calls'],
    ['other', 'FUNCTION_CALL', 'tool-calls'],
    ['length', 'max_tokens', 'length'],
  ] as const)('that calls a tool and ends with %s (%s) ends with %s', (unified, raw, reason) => {
    expect(collect(call(), finish(unified, raw)).collector.reply?.reason).toBe(reason);
  });

  test('counts what is kept with it towards its bound', () => {
    const signed = { providerMetadata: { f: { signature: 'x'.repeat(MB) } } };
    const block: LanguageModelV4StreamPart = { type: 'text-delta', id: '0', delta: '', ...signed };
    expect(collect(block, block, block).collector.isTooLarge).toBe(false);
    expect(collect(block, block, block, block).collector.isTooLarge).toBe(true);
    expect(collect(call(signed), call(signed), call(signed), call(signed)).collector.isTooLarge).toBe(true);
  });

  test('tells nobody anything beyond its bound', () => {
    const piece: LanguageModelV4StreamPart = { type: 'text-delta', id: '0', delta: 'x'.repeat(MB) };
    expect(collect(piece, piece, piece, piece, piece).told).toHaveLength(4);
  });
});
