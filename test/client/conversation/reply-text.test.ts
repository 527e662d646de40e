import { expect, test } from 'vitest';
import { ReplyText, type TextPiece } from '../../../client/conversation/reply-text.ts';

function reply() {
  const pieces: TextPiece[] = [];
  const text = new ReplyText((piece) => pieces.push(piece));
  const delta = (offset: number, more: string, turn = 1, step = 1) => {
    text.delta(turn, { step, channel: 'text', offset, text: more });
  };
  const finish = (whole: string, turn = 1) => {
    text.finish(turn, [{ type: 'text', text: whole }]);
  };
  return { text, delta, finish, pieces, given: () => pieces.map((piece) => piece.text) };
}

test('each character is given once, whatever overlaps', () => {
  const { delta, finish, given } = reply();
  delta(0, 'Hello');
  delta(3, 'lo wor');
  delta(0, 'Hello wor');
  finish('Hello world');
  expect(given()).toEqual(['Hello', ' wor', 'ld']);
});

test('a hole is left to the durable message', () => {
  const { delta, finish, given } = reply();
  delta(0, 'one ');
  delta(8, 'three');
  finish('one two three');
  expect(given()).toEqual(['one ', 'two three']);
});

test('a durable message that nothing came before is given whole', () => {
  const { finish, given } = reply();
  finish('whole');
  expect(given()).toEqual(['whole']);
});

test('after a reconnect only what is new is given', () => {
  const { text, delta, given } = reply();
  delta(0, 'one ');
  text.adopt({ turn: 1, step: 1, text: 'one two ', reasoning: '' });
  delta(8, 'three');
  expect(given()).toEqual(['one ', 'two ', 'three']);
});

test('a daemon that knows less than was shown catches up unseen', () => {
  const { text, delta, given } = reply();
  delta(0, 'one two ');
  text.adopt({ turn: 1, step: 1, text: 'one', reasoning: '' });
  delta(3, ' two three');
  expect(given()).toEqual(['one two ', 'three']);
});

test('another attempt that begins differently replaces what was shown', () => {
  const { delta, finish, pieces } = reply();
  delta(0, 'I think');
  delta(0, 'I');
  delta(1, ' am');
  finish('I am');
  expect(pieces.map(({ text, afresh }) => ({ text, afresh }))).toEqual([
    { text: 'I think', afresh: false },
    { text: 'I am', afresh: true },
  ]);
});

test('a reply that was cut off is completed with what was stored of it, and the next one begins anew', () => {
  const { text, delta, given } = reply();
  delta(0, 'one');
  text.cutOff(1, 1, [{ type: 'text', text: 'one two' }]);
  delta(0, 'one');
  expect(given()).toEqual(['one', ' two', 'one']);
});

test('what was shown beyond what was stored stays', () => {
  const { text, delta, given } = reply();
  delta(0, 'one two');
  text.cutOff(1, 1, [{ type: 'text', text: 'one' }]);
  delta(0, 'x');
  expect(given()).toEqual(['one two', 'x']);
});

test('steps and turns are texts of their own', () => {
  const { delta, finish, pieces } = reply();
  delta(0, 'a', 1, 1);
  finish('a');
  delta(0, 'b', 1, 2);
  delta(0, 'c', 2, 1);
  expect(pieces.map(({ turn, step, offset, text }) => [turn, step, offset, text])).toEqual([
    [1, 1, 0, 'a'],
    [1, 2, 0, 'b'],
    [2, 1, 0, 'c'],
  ]);
});

test('reasoning has offsets of its own', () => {
  const { text, pieces } = reply();
  text.delta(1, { step: 1, channel: 'reasoning', offset: 0, text: 'hm' });
  text.delta(1, { step: 1, channel: 'text', offset: 0, text: 'yes' });
  expect(pieces.map(({ channel, offset }) => [channel, offset])).toEqual([
    ['reasoning', 0],
    ['text', 0],
  ]);
});
