import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { within } from '../../support/own-time.ts';
import { DemoModel } from '../../../daemon/agent/demo.ts';
import { scriptFor } from '../../../daemon/agent/demo-script.ts';
import type { StepReply } from '../../../daemon/agent/step-model.ts';
import type { Message } from '../../../protocol/message.ts';
import { message, prompt } from './support/provider-server.ts';

interface Played {
  readonly reply: StepReply;
  readonly text: string[];
  readonly reasoning: string[];
}

async function play(messages: Message[], signal = new AbortController().signal): Promise<Played> {
  const text: string[] = [];
  const reasoning: string[] = [];
  const sink = { text: (piece: string) => text.push(piece), reasoning: (piece: string) => reasoning.push(piece) };
  const reply = await new DemoModel().step(
    { model: 'offline', messages, apiKey: undefined, system: '', tools: [] },
    sink,
    signal,
  );
  return { reply, text, reasoning };
}

describe('the demo model', () => {
  test('says in its answer that it is the demo and that no model and no network was used, and repeats the prompt', async () => {
    const { text } = await play([prompt('what is the weather?')]);
    const answer = text.join('');
    expect(answer).toContain('This is demo/offline');
    expect(answer).toContain('No language model and no network took part');
    expect(answer).toContain('4 words: “what is the weather?”');
    expect(answer).toContain('mctl config path');
  });

  test('streams a word at a time, and the pieces are the reply', async () => {
    const { text, reply } = await play([prompt('hello')]);
    expect(text.length).toBeGreaterThan(50);
    for (const piece of text) expect(piece.trim()).toMatch(/^\S+$/);
    expect(reply.parts).toEqual([{ type: 'text', text: text.join('') }]);
    expect(reply.reason).toBe('stop');
  });

  test('answers the same conversation with the same words', async () => {
    const conversation = [prompt('one'), message('assistant', [{ type: 'text', text: 'a b' }]), prompt('two', 2)];
    const [first, second] = await Promise.all([play(conversation), play(conversation)]);
    expect(second.reply).toEqual(first.reply);
    expect(first.text.join('')).toContain('Prompt 2 of this conversation');
  });

  test('counts words as tokens', async () => {
    const conversation = [
      prompt('one two'),
      message('assistant', [{ type: 'text', text: 'a b c' }]),
      prompt('echo x', 2),
    ];
    const { reply } = await play(conversation);
    expect(reply.usage.inputTokens).toBe(7);
    expect(reply.usage.outputTokens).toBe('demo/offline repeats, without a model or network: x'.split(' ').length);
  });

  test('counts as far as it is asked to, each number once and in order', async () => {
    const { text } = await play([prompt('Count to 2500 every 0 ms')]);
    const numbers = text.slice(1).map(Number);
    expect(numbers).toEqual(Array.from({ length: 2500 }, (_, at) => at + 1));
    expect(text[0]).toContain('without a model or network');
  });

  test('takes its time between two numbers when asked', async () => {
    const began = performance.now();
    await play([prompt('count to 5 every 30 ms.')]);
    expect(performance.now() - began).toBeGreaterThan(140);
  });

  test.each(['count to 100001', 'count to 5 every 60001 ms', 'count to 999999999999'])(
    'explains its bounds for: %s',
    async (wish) => {
      expect((await play([prompt(wish)])).text.join('')).toContain('counts to 100000 at most');
    },
  );

  test('thinks first when asked, and keeps the thoughts apart', async () => {
    const { reasoning, text, reply } = await play([prompt('think about the sea')]);
    expect(reasoning.join('')).toContain('thoughts of demo/offline, which are written down beforehand');
    expect(reply.parts).toEqual([
      { type: 'reasoning', text: reasoning.join('') },
      { type: 'text', text: text.join('') },
    ]);
  });

  test('repeats a text to the letter', async () => {
    const { text } = await play([prompt('echo  two  blanks,\n a new line and 🦊')]);
    expect(text.join('')).toBe('demo/offline repeats, without a model or network: two  blanks,\n a new line and 🦊');
  });

  test('repeats a very long text in a bounded number of pieces', async () => {
    const long = Array.from({ length: 30_000 }, (_, at) => `w${at}`).join(' ');
    const controller = new AbortController();
    const sink = {
      text: (piece: string) => (expect(piece.length).toBeGreaterThan(50), controller.abort()),
      reasoning: () => undefined,
    };
    const step = new DemoModel().step(
      { model: 'offline', messages: [prompt(`echo ${long}`)], apiKey: undefined, system: '', tools: [] },
      sink,
      controller.signal,
    );
    await expect(step).rejects.toThrow();
  });

  test.each([
    ['fail', 'REFUSED', false, undefined],
    ['fail refused', 'REFUSED', false, undefined],
    ['fail unreachable', 'UNREACHABLE', true, undefined],
    ['Fail rate-limited!', 'RATE_LIMITED', true, 1000],
    ['fail broken-stream', 'BROKEN_STREAM', true, undefined],
  ])('fails when asked to: %s', async (wish, kind, retryable, retryAfterMs) => {
    await expect(play([prompt(wish)])).rejects.toMatchObject({ kind, retryable, retryAfterMs });
    await expect(play([prompt(wish)])).rejects.toThrow('because the prompt asked for it; no network was used');
  });

  test('streams a beginning before it breaks off', async () => {
    let text = '';
    const sink = { text: (piece: string) => (text += piece), reasoning: () => undefined };
    const step = new DemoModel().step(
      { model: 'offline', messages: [prompt('fail broken-stream')], apiKey: undefined, system: '', tools: [] },
      sink,
      new AbortController().signal,
    );
    await expect(step).rejects.toThrow('breaks off');
    expect(text).toBe('This answer of demo/offline breaks off in the middle of');
  });

  test('says what it cannot see, and answers an empty prompt', async () => {
    const { text } = await play([message('user', [{ type: 'image', mediaType: 'image/png', data: 'aGk=' }])]);
    expect(text.join('')).toContain('no words, and 1 image, which it cannot see');
    expect((await play([prompt('')])).text.join('')).toContain('has no words');
    expect((await play([])).text.join('')).toContain('This is demo/offline');
  });

  test.each(['count to 1000 every 60000 ms', 'count to 100000 every 0 ms', 'hello'])(
    'ends within 100 ms of a cancellation, with its reason: %s',
    async (wish) => {
      const controller = new AbortController();
      const reason = new Error('the person pressed Ctrl+C');
      const step = play([prompt(wish)], controller.signal).catch((error: unknown) => error);
      await new Promise((resolve) => setTimeout(resolve, 15));
      controller.abort(reason);
      expect(await within(100, step)).toBe(reason);
    },
  );

  test('says nothing more after a cancellation, however fast it speaks', async () => {
    const controller = new AbortController();
    const told: string[] = [];
    const sink = {
      text: (piece: string) => {
        told.push(piece);
        if (told.length === 7) controller.abort(new Error('enough'));
      },
      reasoning: () => undefined,
    };
    const request = {
      model: 'offline',
      messages: [prompt('count to 1000 every 0 ms')],
      apiKey: undefined,
      system: '',
      tools: [],
    };
    await expect(new DemoModel().step(request, sink, controller.signal)).rejects.toThrow('enough');
    expect(told).toHaveLength(7);
  });
});

describe('the page about the demo model', () => {
  test('lists prompts that do what it says', async () => {
    const page = await readFile(new URL('../../../docs/DEMO-MODEL.md', import.meta.url), 'utf8');
    const prompts = [...page.matchAll(/^\| `(.+?)` \|/gm)].map((match) => match[1] ?? '');
    expect(prompts.length).toBeGreaterThan(7);
    const plain = scriptFor([prompt('anything')]);
    for (const wish of prompts) {
      const { failure, reasoning, text, pauseMs } = scriptFor([prompt(wish)]);
      const isSpecial = failure !== undefined || pauseMs !== plain.pauseMs || [...reasoning].length > 0;
      const words = [...text].join('');
      expect(isSpecial || !words.startsWith('This is demo/offline'), wish).toBe(true);
      if (failure === undefined) expect(words).toContain('demo/offline');
    }
  });
});
