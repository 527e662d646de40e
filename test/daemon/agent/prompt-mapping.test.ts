import { describe, expect, test } from 'vitest';
import { storedOrigin } from '../../../daemon/agent/part-origin.ts';
import { toPrompt, type PromptRules } from '../../../daemon/agent/prompt-mapping.ts';
import type { Message, Part } from '../../../protocol/message.ts';
import { message, prompt } from './support/provider-server.ts';

const ORIGIN = { provider: 'local', server: 'http://127.0.0.1:1/v1', model: 'some-model' };
const RULES: PromptRules = { callId: /./, callArguments: 'text', reasoning: 'all', resultImages: 'inside' };
const map = (messages: Message[], rules: Partial<PromptRules> = {}, origin = ORIGIN) =>
  toPrompt(messages, origin, { ...RULES, ...rules });

const thought = (text: string, kept?: Record<string, Record<string, string>>) =>
  ({ type: 'reasoning', text, providerMetadata: storedOrigin(ORIGIN, kept) }) as const;
const call = { type: 'tool-call', callId: 'c', name: 'read', arguments: '{' } as const;
const failed = { type: 'tool-result', callId: 'c', name: 'read', output: 'bad arguments', isError: true } as const;

describe('a conversation for a provider', () => {
  const turn = [
    prompt('one'),
    message('assistant', [thought('look', { server: { signature: 's' } }), call]),
    message('tool', [failed]),
    message('assistant', [thought('say it'), { ...call, callId: 'd', arguments: '' }]),
    message('tool', [{ ...failed, callId: 'd', output: '' }]),
  ];

  test('holds the reasoning of the turn that is being answered, since some servers demand it', () => {
    expect(map(turn).slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'reasoning', text: 'look', providerOptions: { server: { signature: 's' } } },
          { type: 'tool-call', toolCallId: 'c', toolName: 'read', input: '{"unreadable":"{"}' },
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
          { type: 'tool-call', toolCallId: 'd', toolName: 'read', input: '{}' },
        ],
      },
      {
        role: 'tool',
        content: [
          {
            type: 'tool-result',
            toolCallId: 'd',
            toolName: 'read',
            output: { type: 'error-text', value: 'It failed without a word.' },
          },
        ],
      },
    ]);
  });

  test('holds only signed reasoning for a format that takes no other', () => {
    const kinds = map(turn, { reasoning: 'signed' }).flatMap((one) =>
      one.role === 'assistant' ? [one.content.map((part) => part.type)] : [],
    );
    expect(kinds).toEqual([['reasoning', 'tool-call'], ['tool-call']]);
  });

  test('holds no reasoning of an earlier turn, since some servers refuse it', () => {
    expect(JSON.stringify(map([...turn, message('assistant', [thought('x')]), prompt('two', 2)]))).not.toContain(
      'reasoning',
    );
  });

  test.each([
    ['another provider', { ...ORIGIN, provider: 'other' }],
    ['another server of the same name', { ...ORIGIN, server: 'http://127.0.0.1:2/v1' }],
    ['another model', { ...ORIGIN, model: 'other-model' }],
  ])('holds neither reasoning nor signatures of %s', (_, origin) => {
    const signed = {
      type: 'text',
      text: 'I look.',
      providerMetadata: storedOrigin(ORIGIN, { server: { s: 'sig' } }),
    } as const;
    const [first, ...rest] = turn;
    const messages = [first ?? prompt('one'), message('assistant', [signed]), ...rest];
    expect(JSON.stringify(map(messages))).toContain('sig');
    const mapped = JSON.stringify(map(messages, {}, origin));
    expect(mapped).toContain('I look.');
    for (const word of ['"look"', 'say it', 'sig', 'providerOptions']) expect(mapped).not.toContain(word);
  });

  test('holds no reasoning that nobody signed for', () => {
    const messages = [
      prompt('one'),
      message('assistant', [{ type: 'reasoning', text: 'whose?' }, call]),
      message('tool', [failed]),
    ];
    expect(JSON.stringify(map(messages))).not.toContain('whose');
  });

  test('puts arguments into an object where only objects are taken', () => {
    const inputs = (args: string) =>
      map([prompt('one'), message('assistant', [{ ...call, arguments: args }]), message('tool', [failed])], {
        callArguments: 'object',
      }).flatMap((one) => (one.role === 'assistant' ? one.content : []));
    expect(inputs('{"a":[1]}')).toMatchObject([{ input: { a: [1] } }]);
    expect(inputs('')).toMatchObject([{ input: {} }]);
    expect(inputs('{"a"')).toMatchObject([{ input: { unreadable: '{"a"' } }]);
    expect(inputs('[1]')).toMatchObject([{ input: { unreadable: '[1]' } }]);
  });

  test('leaves out messages that hold nothing for a provider', () => {
    const messages = [message('assistant', []), message('user', [{ type: 'reasoning', text: 'x' }]), prompt('hi')];
    expect(map(messages)).toHaveLength(1);
  });

  test('begins with a prompt, also when the history was cut before a reply', () => {
    expect(map([message('assistant', [{ type: 'text', text: 'x' }]), prompt('hi')])).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
    ]);
  });

  test('shows images of results in them, or behind all of them where a result is only text', () => {
    const image = { type: 'image', mediaType: 'image/png', data: 'aGk=' } as const;
    const read = (callId: string): Part => {
      return { type: 'tool-result', callId, name: 'read', output: 'an image', isError: false, images: [image] };
    };
    const shown = [
      prompt('look'),
      message('assistant', [
        { ...call, arguments: '{}' },
        { ...call, callId: 'd', arguments: '{}' },
      ]),
      message('tool', [read('c')]),
      message('tool', [read('d')]),
    ];
    expect(map(shown).map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
    const behind = map([...shown, prompt('and?', 2)], { resultImages: 'behind' });
    expect(behind.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user']);
    const words = JSON.stringify(behind[2]);
    expect(words).not.toContain('aGk=');
    expect(behind[3]?.content).toMatchObject([
      { type: 'text', text: 'What read has shown:' },
      { type: 'file', mediaType: 'image/png' },
      { type: 'text', text: 'What read has shown:' },
      { type: 'file', mediaType: 'image/png' },
      { type: 'text', text: 'and?' },
    ]);
    expect(map(shown, { resultImages: 'behind' }).at(-1)?.role).toBe('user');
  });
});
