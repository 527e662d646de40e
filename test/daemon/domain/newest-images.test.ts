import { expect, test } from 'vitest';
import { imageSize, withNewestImages } from '../../../daemon/domain/newest-images.ts';
import type { Message, Part } from '../../../protocol/message.ts';

const MB = 1024 * 1024;
const image = (megabytes: number) => ({
  type: 'image' as const,
  mediaType: 'image/png',
  data: 'A'.repeat(megabytes * MB),
});
const message = (role: Message['role'], ...parts: Part[]): Message => ({ seq: 1, turn: 1, role, parts, at: '' });
const result = (...megabytes: number[]): Part => ({
  type: 'tool-result',
  callId: 'c',
  name: 'read',
  output: 'an image',
  isError: false,
  images: megabytes.map(image),
});
const sizes = (messages: readonly Message[]): number[] => messages.map((one) => imageSize(one) / MB);

test('of many images the newest are sent, and a word stands where the others were', () => {
  const given = [
    message('user', image(5)),
    message('tool', result(5)),
    message('tool', result(2, 3)),
    message('user', image(4)),
  ];
  const sent = withNewestImages(given);
  expect(sizes(sent)).toEqual([0, 0, 5, 4]);
  expect(JSON.stringify(sent[0])).toContain('left out');
  expect(sent[1]?.parts).toMatchObject([{ output: expect.stringContaining('left out'), images: [] }]);
  expect(sizes(given)).toEqual([5, 5, 5, 4]);
});

test('of a few, all are, in the messages as they are', () => {
  const given = [message('user', { type: 'text', text: 'x' }), message('tool', result(5)), message('user', image(6))];
  expect(withNewestImages(given)).toEqual(given);
});
