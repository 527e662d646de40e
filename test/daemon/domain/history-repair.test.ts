import { describe, expect, test } from 'vitest';
import { repairHistory } from '../../../daemon/domain/history-repair.ts';
import type { Message, Part } from '../../../protocol/message.ts';

let seq = 0;

function message(role: Message['role'], ...parts: Part[]): Message {
  seq += 1;
  return { seq, turn: 1, role, parts, at: '2025-07-04T12:30:00.000Z' };
}

const text = (value: string): Part => ({ type: 'text', text: value });
const call = (callId: string): Part => ({ type: 'tool-call', callId, name: 'read', arguments: '{}' });
const result = (callId: string): Part => ({ type: 'tool-result', callId, name: 'read', output: 'ok', isError: false });

function shape(messages: readonly Message[]): string[] {
  return messages.map(({ role, parts }) => {
    const words = parts.map((part) =>
      part.type === 'text' ? part.text : part.type === 'tool-result' && part.isError ? 'unknown' : part.type,
    );
    return `${role}: ${words.join(' ')}`;
  });
}

describe('a history for a provider', () => {
  test('is left alone when nothing is wrong with it', () => {
    const whole = [
      message('user', text('q')),
      message('assistant', call('1'), call('2')),
      message('tool', result('1')),
      message('tool', result('2')),
      message('assistant', text('a')),
      message('user', text('next')),
    ];
    expect(repairHistory(whole)).toEqual(whole);
  });

  test('joins prompts that have no reply in between', () => {
    const merged = repairHistory([
      message('user', text('one')),
      message('user', text('two')),
      message('assistant', text('a')),
    ]);
    expect(shape(merged)).toEqual(['user: one two', 'assistant: a']);
  });

  test('leaves out replies without content, also those of reasoning only', () => {
    const repaired = repairHistory([
      message('user', text('one')),
      message('assistant', text('')),
      message('assistant', { type: 'reasoning', text: 'hm' }),
      message('user', text('two')),
    ]);
    expect(shape(repaired)).toEqual(['user: one two']);
  });

  test('answers calls that were interrupted, wherever they stand', () => {
    const repaired = repairHistory([
      message('user', text('q')),
      message('assistant', call('1'), call('2')),
      message('tool', result('1')),
      message('user', text('and?')),
      message('assistant', call('3')),
    ]);
    expect(shape(repaired)).toEqual([
      'user: q',
      'assistant: tool-call tool-call',
      'tool: tool-result',
      'tool: unknown',
      'user: and?',
      'assistant: tool-call',
      'tool: unknown',
    ]);
  });

  test('puts results into the order of their calls', () => {
    const repaired = repairHistory([
      message('user', text('q')),
      message('assistant', call('1'), call('2'), call('3')),
      message('tool', result('3'), result('1')),
    ]);
    const ids = repaired.flatMap(({ role, parts }) =>
      role === 'tool' ? parts.flatMap((part) => (part.type === 'tool-result' ? [part.callId, part.isError] : [])) : [],
    );
    expect(ids).toEqual(['1', false, '2', true, '3', false]);
  });

  test('drops results that nobody asked for, and second results', () => {
    const repaired = repairHistory([
      message('user', text('q')),
      message('tool', result('9')),
      message('assistant', call('1')),
      message('tool', result('1'), result('9')),
      message('tool', result('1')),
      message('assistant', text('a')),
    ]);
    expect(shape(repaired)).toEqual(['user: q', 'assistant: tool-call', 'tool: tool-result', 'assistant: a']);
  });

  test('does not change what it was given', () => {
    const given = [message('user', text('one')), message('user', text('two'))];
    const before = structuredClone(given);
    repairHistory(given);
    expect(given).toEqual(before);
  });
});
