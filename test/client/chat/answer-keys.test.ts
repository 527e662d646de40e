import { expect, test } from 'vitest';
import { offersOf } from '../../../client/calls/answers.ts';
import { AnswerKeys } from '../../../client/chat/answer-keys.ts';
import type { ApprovalQuestion } from '../../../protocol/tool.ts';

const QUESTION: ApprovalQuestion = {
  callId: 'c1',
  name: 'bash',
  effect: 'command',
  title: 'run make',
  detail: 'make',
  reasons: [],
  scopes: ['once', 'session', 'workspace'],
};
const PLAIN = offersOf(QUESTION, true);
const DANGEROUS = offersOf({ ...QUESTION, scopes: ['once'], reasons: ['It deletes folders.'] }, true);
const ALLOWED = { kind: 'wish', wish: { kind: 'answer', answer: { decision: 'allow', scope: 'once' } } };

test('a letter is an answer, in either case', () => {
  expect(new AnswerKeys().push('y', PLAIN)).toEqual(ALLOWED);
  expect(new AnswerKeys().push('Y', PLAIN)).toEqual(ALLOWED);
  expect(new AnswerKeys().push('r', PLAIN)).toEqual({ kind: 'wish', wish: { kind: 'reason' } });
});

test.each(['\r', '\n', ' ', 'x', 'yes', 'y\r', 'n\r', '\x1b[A', '\x1b[200~y\x1b[201~'])('%j is no answer', (keys) => {
  expect(new AnswerKeys().push(keys, PLAIN)).toEqual({ kind: 'nothing' });
});

test('a paste is no answer, however many pieces it comes in', () => {
  const keys = new AnswerKeys();
  for (const piece of ['\x1b[200~what', 'y', '\r', 'n\x1b[201~']) {
    expect(keys.push(piece, PLAIN)).toEqual({ kind: 'nothing' });
  }
  expect(keys.push('y', PLAIN)).toEqual(ALLOWED);
});

test('danger is allowed by the word and Enter, and by nothing shorter', () => {
  const keys = new AnswerKeys();
  expect(keys.push('y', DANGEROUS)).toEqual({ kind: 'typed' });
  expect(keys.push('\r', DANGEROUS)).toEqual({ kind: 'typed' });
  expect(keys.word).toBe('');
  for (const key of 'yes') expect(keys.push(key, DANGEROUS)).toEqual({ kind: 'typed' });
  expect(keys.word).toBe('yes');
  expect(keys.push('\r', DANGEROUS)).toEqual(ALLOWED);
  expect(keys.push('yes\r', DANGEROUS)).toEqual(ALLOWED);
});

test('a word that goes on differently is forgotten, with all that came with it', () => {
  const keys = new AnswerKeys();
  expect(keys.push('yet another yes\r', DANGEROUS)).toEqual({ kind: 'typed' });
  expect(keys.word).toBe('');
  keys.push('ye', DANGEROUS);
  keys.push('\x7f', DANGEROUS);
  expect(keys.word).toBe('y');
});

test('the letters of an answer count only where no word has begun', () => {
  const keys = new AnswerKeys();
  expect(keys.push('n', DANGEROUS)).toMatchObject({ wish: { answer: { decision: 'reject' } } });
  keys.push('ye', DANGEROUS);
  expect(keys.push('n', DANGEROUS)).toEqual({ kind: 'typed' });
});

test.each([
  ['\x03', 'interrupt'],
  ['abc\x03', 'interrupt'],
  ['\x04', 'end'],
  ['\x1b', 'aside'],
  ['\t', 'aside'],
])('%j is what it is everywhere', (key, kind) => {
  expect(new AnswerKeys().push(key, PLAIN)).toEqual({ kind });
});
