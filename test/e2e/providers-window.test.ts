/** Conversations that are too long for their model, and results that are more than text. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../client/connection/api.ts';
import { ScriptedServer, type Answer, type Format } from '../daemon/agent/support/scripted-server.ts';
import type { RealHome } from '../support/real-daemon.ts';
import type { Watcher } from '../support/watcher.ts';
import { ask, freshWorkspace, lastReply, MODELS, providerHome } from './support/provider-home.ts';

/** Tokens of the window of each model in `MODELS`; of others nobody knows. */
const WINDOW = 8_000;
const ASKED = 'Sum up the conversation below';

let server: ScriptedServer;
let home: RealHome;
let client: Client;

beforeAll(async () => {
  server = await ScriptedServer.start();
  const windows = MODELS.map(({ model }) => `[models."${model}"]\ncontext_window = ${WINDOW}\n`).join('');
  home = providerHome(server.baseUrl, '', windows);
  client = await home.client();
});
afterAll(async () => {
  await home.remove();
  await server.stop();
});
afterEach(() => {
  expect(server.faults()).toEqual([]);
});

const json = (value: unknown): string => JSON.stringify(value);
const read = (path: string) => ({ name: 'read', args: json({ path }) });
const lines = (word: string, bytes: number): string => `${word} ${'x'.repeat(70)}\n`.repeat(Math.ceil(bytes / 75));

/** Whether each summary that the terminal was told of was made without being asked for. */
function summaries({ changes }: Watcher): boolean[] {
  return changes.flatMap((change) => (change.kind === 'summary' ? [change.automatic] : []));
}

describe.each(MODELS)('a conversation with a model in the format of $format', ({ format, model }) => {
  test('that fills its window goes on in the middle of a turn with a summary, and nothing stored is lost', async () => {
    const workspace = freshWorkspace(home);
    for (const name of ['a', 'b', 'c', 'd'])
      writeFileSync(join(workspace, `${name}.txt`), lines(`file-${name}`, 6_000));
    server.play(
      { text: 'I read a.', calls: [read('a.txt')], tokens: [2_000, 50] },
      { calls: [read('b.txt')], tokens: [3_900, 50] },
      { calls: [read('c.txt')], tokens: [5_800, 50] },
      { text: 'THE SUMMARY', tokens: [5_000, 100] },
      { calls: [read('d.txt')], tokens: [3_000, 50] },
      { text: 'All read.' },
    );
    const me = await ask(client, workspace, model, 'Read all of it.');
    await me.state(1, 'completed');
    expect(await lastReply(me)).toBe('All read.');
    const { bodies } = server;
    expect(bodies[3]?.includes(ASKED)).toBe(true);
    expect(bodies[3]?.includes('file-a')).toBe(true);
    expect(bodies[4]?.length).toBeLessThan(bodies[2]?.length ?? 0);
    expect(bodies[4]?.includes('THE SUMMARY')).toBe(true);
    expect(bodies[4]?.includes('file-c')).toBe(true);
    for (const words of ['file-a', 'file-b']) expect(bodies[4]?.includes(words)).toBe(false);
    const results = await me.results();
    expect(results.map(({ output }) => /file-./.exec(output)?.[0])).toEqual(['file-a', 'file-b', 'file-c', 'file-d']);
    expect(summaries(me)).toEqual([true]);
    await me.detach();
  });

  test('stays summed up in the next turns, and is summed up again when a person asks for it', async () => {
    const workspace = freshWorkspace(home);
    for (const name of ['a', 'b']) writeFileSync(join(workspace, `${name}.txt`), lines(`file-${name}`, 6_000));
    server.play(
      { calls: [read('a.txt')], tokens: [5_900, 50] },
      { text: 'THE SUMMARY' },
      { calls: [read('b.txt')], tokens: [3_000, 50] },
      { text: 'Both read.' },
      { text: 'Yes, both.' },
      { text: 'SUMMED UP BY HAND' },
      { text: 'Still here.' },
    );
    const me = await ask(client, workspace, model, lines('prompt', 2_000));
    await me.state(1, 'completed');
    await me.submit('Both of them?');
    await me.state(2, 'completed');
    const { bodies } = server;
    expect(bodies[4]?.includes('THE SUMMARY')).toBe(true);
    expect(bodies[4]?.includes('prompt xx')).toBe(false);

    const compacted = await client.call('session/compact', { sessionId: me.sessionId });
    expect(compacted).toMatchObject({ text: 'SUMMED UP BY HAND' });
    expect(compacted.messages).toBeGreaterThan(2);
    expect(server.bodies[5]?.includes('THE SUMMARY')).toBe(true);
    await me.submit('And now?');
    await me.state(3, 'completed');
    expect(server.bodies[6]?.includes('SUMMED UP BY HAND')).toBe(true);
    for (const words of ['THE SUMMARY', 'file-a']) expect(server.bodies[6]?.includes(words)).toBe(false);
    expect(summaries(me)).toEqual([true, false]);
    expect((await me.results()).length).toBe(2);
    await me.detach();
  });

  test('without any calls is summed up before the window is full', async () => {
    server.play({ text: `first ${'y'.repeat(20_000)}` }, { text: 'TALKED' }, { text: 'Go on.' });
    const me = await ask(client, freshWorkspace(home), model, lines('prompt', 6_000));
    await me.state(1, 'completed');
    await me.submit('And then?');
    await me.state(2, 'completed');
    expect(server.bodies[1]?.includes(ASKED)).toBe(true);
    expect(server.bodies[2]?.includes('TALKED')).toBe(true);
    expect(server.bodies[2]?.includes('And then?')).toBe(true);
    await me.detach();
  });

  test('gets only so much of a long result as fits beside everything else', async () => {
    const workspace = freshWorkspace(home);
    writeFileSync(join(workspace, 'long.txt'), lines('long', 30_000));
    server.play({ calls: [read('long.txt')] }, { text: 'Long.' });
    const me = await ask(client, workspace, model, 'Read it.');
    await me.state(1, 'completed');
    const [result] = await me.results();
    expect(result?.output.length).toBeGreaterThan(25_000);
    expect(server.bodies[1]?.includes('characters left out')).toBe(true);
    expect((server.bodies[1]?.length ?? 0) - (server.bodies[0]?.length ?? 0)).toBeLessThan(WINDOW * 1.5);
    await me.detach();
  });

  test('shows the model an image that it reads, and nobody letters instead', async () => {
    const workspace = freshWorkspace(home);
    const image = Buffer.concat([ONE_PIXEL, Buffer.alloc(3_000, 'not looked at')]);
    for (const name of ['one.png', 'two.png']) writeFileSync(join(workspace, name), image);
    // Since its third generation Gemini takes them in the response itself.
    for (const name of ['other', 'gemini-3-pro']) {
      server.play({ calls: [read('one.png'), read('two.png')] }, { text: 'I see.' }, { text: 'Still.' });
      const me = await ask(client, workspace, `${model.split('/')[0]}/${name}`, 'Look.');
      await me.state(1, 'completed');
      await me.submit('Do you still see them?');
      await me.state(2, 'completed');
      const encoded = image.toString('base64').slice(0, 100);
      for (const body of server.bodies.slice(1)) {
        expect(body.split(encoded)).toHaveLength(3);
        expect(body.split(IMAGE_FIELD[format])).toHaveLength(3);
      }
      expect(server.faults()).toEqual([]);
      await me.detach();
    }
  });
});

const ONE_PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const IMAGE_FIELD: Readonly<Record<Format, string>> = {
  'openai-compatible': '"image_url":{"url":"data:image/png;base64,',
  anthropic: '"source":{"type":"base64","media_type":"image/png"',
  google: '"inlineData":{"mimeType":"image/png"',
};

const error = (message: string, more: object = {}): Answer => ({
  status: '400 Bad Request',
  body: json({ error: { message, ...more } }),
});
const TOO_LONG: Readonly<Record<Format, Answer>> = {
  'openai-compatible': error(
    "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.",
    {
      code: 'context_length_exceeded',
    },
  ),
  anthropic: error('prompt is too long: 210000 tokens > 200000 maximum', { type: 'invalid_request_error' }),
  google: error('The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).', {
    code: 400,
  }),
};

describe.each(MODELS)('a server in the format of $format that finds a conversation too long', ({ format, model }) => {
  const unknown = `${model.split('/')[0]}/other`;
  /** Bytes that everything but the conversation takes. */
  const room = (): number => server.bodies[0]?.length ?? 0;

  test('is sent a shorter one, after a summary that is asked of less and less until that fits', async () => {
    const workspace = freshWorkspace(home);
    for (const name of ['a', 'b', 'c']) writeFileSync(join(workspace, `${name}.txt`), lines(`file-${name}`, 40_000));
    server.play({ calls: [read('a.txt')] }, { calls: [read('b.txt')] }, { calls: [read('c.txt')] });
    const limit = 60_000;
    server.otherwise = ({ body }) => {
      if (body.length > limit + (body.includes(ASKED) ? -53_000 : room())) return TOO_LONG[format];
      return { text: body.includes(ASKED) ? 'IN SHORT' : 'Done.' };
    };
    const me = await ask(client, workspace, unknown, 'Read all of it.');
    await me.state(1, 'completed');
    expect(await lastReply(me)).toBe('Done.');
    expect(summaries(me)).toEqual([true]);
    expect(server.bodies.filter((body) => body.includes(ASKED)).length).toBeGreaterThan(1);
    expect(server.bodies.at(-1)?.includes('IN SHORT')).toBe(true);
    expect(server.bodies.at(-1)?.includes('file-c')).toBe(true);
    expect((await me.results()).length).toBe(3);
    await me.detach();
  });

  test('because of one result is sent less of it', async () => {
    const workspace = freshWorkspace(home);
    writeFileSync(join(workspace, 'a.txt'), lines('file-a', 40_000));
    server.play({ calls: [read('a.txt')] });
    server.otherwise = ({ body }) =>
      body.length > room() + 12_000 ? TOO_LONG[format] : { text: body.includes(ASKED) ? 'IN SHORT' : 'Done.' };
    const me = await ask(client, workspace, unknown, 'Read it.');
    await me.state(1, 'completed');
    expect(await lastReply(me)).toBe('Done.');
    expect(server.bodies.at(-1)?.includes('characters left out')).toBe(true);
    await me.detach();
  });

  test('of which nothing can be summed up says so, and what can be done', async () => {
    server.play(TOO_LONG[format]);
    const me = await ask(client, freshWorkspace(home), unknown, 'A prompt that is too long.');
    await me.state(1, 'failed');
    const failed = me.conversation.turns.get(1)?.change?.error;
    expect(failed).toMatchObject({ kind: 'REFUSED', message: expect.stringContaining('too long') });
    expect(failed?.hint).toContain('/compact');
    expect(server.bodies).toHaveLength(1);
    await me.detach();
  });
});
