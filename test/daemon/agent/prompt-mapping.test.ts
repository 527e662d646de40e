import { describe, expect, test } from 'vitest';
import { toPrompt } from '../../../daemon/agent/prompt-mapping.ts';
import { message, prompt } from './support/provider-server.ts';

describe('a conversation for a provider', () => {
  test('leaves reasoning out where no tool was called, since some servers refuse it', () => {
    const mapped = toPrompt([
      prompt('one'),
      message('assistant', [
        { type: 'reasoning', text: 'hm' },
        { type: 'text', text: 'answer' },
      ]),
      prompt('two', 2),
    ]);
    expect(mapped[1]).toEqual({ role: 'assistant', content: [{ type: 'text', text: 'answer' }] });
  });

  test('sends reasoning back in every message of a turn that called a tool, since some servers demand it', () => {
    const mapped = toPrompt([
      prompt('one'),
      message('assistant', [
        { type: 'reasoning', text: 'look', providerMetadata: { local: { signature: 's' } } },
        { type: 'tool-call', callId: 'c', name: 'read', arguments: '{' },
      ]),
      message('tool', [{ type: 'tool-result', callId: 'c', name: 'read', output: 'bad arguments', isError: true }]),
      message('assistant', [
        { type: 'reasoning', text: 'say it' },
        { type: 'text', text: 'It failed.' },
      ]),
      prompt('two', 2),
    ]);
    expect(mapped.slice(1, 4)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'look', providerOptions: { local: { signature: 's' } } },
          { type: 'tool-call', toolCallId: 'c', toolName: 'read', input: '{' },
        ],
      },
      {
        role: 'tool',
        content: [
          {
            type: 'tool-result',
            toolCallId: 'c',
            toolName: 'read',
            output: { type: 'error-text', value: 'bad arguments' },
          },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'say it' },
          { type: 'text', text: 'It failed.' },
        ],
      },
    ]);
  });

  test('leaves out messages that hold nothing for a provider', () => {
    expect(
      toPrompt([message('assistant', []), message('user', [{ type: 'reasoning', text: 'x' }]), prompt('hi')]),
    ).toHaveLength(1);
  });
});
