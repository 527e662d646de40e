import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repairHistory } from '../../../daemon/domain/history-repair.ts';
import type { Message, Part } from '../../../protocol/message.ts';
import { message, observe, prompt, providerAt, ProviderServer } from './support/provider-server.ts';
import { WIRE_RULES } from './support/wire-rules.ts';
import { streamOf, WIRES } from './support/wires.ts';

let server: ProviderServer;

beforeAll(async () => {
  server = await ProviderServer.start();
});
afterAll(async () => {
  await server.stop();
});

const text = (words: string): Part => ({ type: 'text', text: words });
const image: Part = { type: 'image', mediaType: 'image/png', data: 'aGk=' };
const call = (callId: string, name = 'read', args = '{"path":"a"}'): Part => ({
  type: 'tool-call',
  callId,
  name,
  arguments: args,
});
const result = (callId: string, output = 'found', isError = false): Part => ({
  type: 'tool-result',
  callId,
  name: 'read',
  output,
  isError,
});

describe.each(WIRES)('a server that speaks the format of $type', (wire) => {
  /** What reaches the server of a history, after it was repaired. */
  async function sent(history: readonly Message[]): Promise<string> {
    server.answer = (socket) => socket.end(streamOf(wire.begin(), wire.text('ok'), wire.end()));
    const before = server.requests.length;
    const { error, text: answer } = await observe(providerAt(server.baseUrl, { type: wire.type }), {
      messages: repairHistory(history),
      model: 'gemini-3-claude-x',
    });
    expect(`${error.message} ${answer}`).toBe('there is no error ok');
    expect(server.requests).toHaveLength(before + 1);
    return server.requests.at(-1)?.body ?? '';
  }

  test('takes a history with everything in it', async () => {
    const mine = { local: { server: server.baseUrl, model: 'gemini-3-claude-x' } };
    const kept = { anthropic: { signature: 'sig' }, google: { thoughtSignature: 'sig' } };
    const signed = { local: { ...mine.local, kept } };
    const body = await sent([
      message('assistant', [text('The beginning of this was cut off.')], 1),
      message('user', [text('first'), image, text('')], 2),
      message('user', [text('and another'), image], 3),
      message('assistant', [{ type: 'reasoning', text: 'hm', providerMetadata: mine }, text('An answer.')], 3),
      message('user', [text('look'), text(' \n')], 4),
      message('assistant', [text(''), call('functions.read:0'), call('b')], 4),
      message('tool', [result('b', '', true)], 4),
      message('tool', [result('functions.read:0')], 4),
      message('assistant', [text('  ')], 4),
      message('user', [text('again')], 5),
      message('assistant', [call('functions.read:0', 'functions.read', '{"a"'), call('c', '', '')], 5),
      message('user', [text('the one before was interrupted')], 6),
      message(
        'assistant',
        [
          { type: 'reasoning', text: 'not mine' },
          { type: 'reasoning', text: 'think', providerMetadata: signed },
          text('I look.'),
          call('d'),
        ],
        6,
      ),
      message('tool', [result('d'), result('nobody called this')], 6),
    ]);
    expect(WIRE_RULES[wire.type](body)).toEqual([]);
    expect(body.match(/interrupted; whether it had an effect/g)).toHaveLength(2);
    expect(body).not.toContain('not mine');
    expect(body).toContain('think');
  });

  test('takes whatever a person, a model and a crash make of a history', async () => {
    for (let seed = 1; seed <= 150; seed++) {
      const history = anyHistory(seed);
      const body = await sent(history);
      expect(WIRE_RULES[wire.type](body), `seed ${seed}: ${JSON.stringify(history)}`).toEqual([]);
    }
  });

  test('is not asked about nothing', async () => {
    for (const messages of [
      [],
      [prompt(' \n')],
      [prompt('hello'), message('assistant', [text('Hi')]), prompt('', 2)],
    ]) {
      const before = server.requests.length;
      const { error } = await observe(providerAt(server.baseUrl, { type: wire.type }), { messages });
      expect(error.kind).toBe('REFUSED');
      expect(error.message).toBe('There is nothing for local to answer: the prompt has no text and no image.');
      expect(server.requests).toHaveLength(before);
    }
  });
});

/** A history that nobody would write down, the same for the same number. It ends with something to be answered. */
function anyHistory(seed: number): Message[] {
  let state = seed * 2_654_435_761;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const pick = <T>(...choices: T[]): T => choices[below(choices.length)] as T;
  const some = (most: number, make: () => Part): Part[] => Array.from({ length: below(most + 1) }, make);
  const words = (): Part => text(pick('', ' ', '\n\t', 'some words', 'other words'));
  const metadata = pick(undefined, {
    local: {
      server: server.baseUrl,
      model: pick('gemini-3-claude-x', 'another'),
      kept: { anthropic: { signature: 's' }, google: { thoughtSignature: 's' } },
    },
  });
  const anyCall = (): Part =>
    call(
      pick('a', 'b', 'call_1', 'x.y:0', 'ü', 'z'.repeat(80)),
      pick('read', '', '1', 'a b', 'f'.repeat(90)),
      pick('{}', '', '[1]', '{"', '"x"', '{"a":{"b":[null]}}'),
    );
  const thought = (): Part => ({
    type: 'reasoning',
    text: 'thought',
    ...(metadata === undefined ? {} : { providerMetadata: metadata }),
  });
  const history: Message[] = [];
  const turns = 1 + below(5);
  for (let turn = 1; turn <= turns; turn++) {
    for (let prompts = below(3); prompts > 0; prompts--)
      history.push(message('user', [...some(2, words), ...some(1, () => image)], turn));
    for (let steps = below(4); steps > 0; steps--) {
      const parts = [...some(1, thought), ...some(2, words), ...some(3, anyCall)];
      history.push(message('assistant', parts, turn));
      const answered = parts.flatMap((part) => (part.type === 'tool-call' && below(4) > 0 ? [part.callId] : []));
      const results = pick(answered, answered.toReversed(), ['nobody', ...answered]);
      const made = results.map((id) => result(id, pick('', 'found'), below(2) === 0));
      if (below(2) === 0) history.push(message('tool', made, turn));
      else for (const one of made) history.push(message('tool', [one], turn));
    }
  }
  history.push(prompt('the question', turns + 1));
  return history;
}
