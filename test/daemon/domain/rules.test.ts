import { describe, expect, test } from 'vitest';
import { chooseAutosave } from '../../../daemon/domain/catalog.ts';
import { titleOf } from '../../../daemon/domain/title.ts';
import { hasEnded, mayMove } from '../../../daemon/domain/turn-state.ts';
import type { TurnState } from '../../../protocol/turn.ts';

describe('the title of a session', () => {
  test.each([
    ['hello', 'hello'],
    ['  two\n\n lines\t', 'two lines'],
    ['\u001b[31mred', '[31mred'],
    ['', 'Untitled'],
    ['word '.repeat(30), 'word word word word word word word word word word word…'],
    ['x'.repeat(100), `${'x'.repeat(59)}…`],
    ['👩‍👩‍👧‍👦'.repeat(70), `${'👩‍👩‍👧‍👦'.repeat(59)}…`],
  ])('of %j is %j', (prompt, title) => {
    expect(titleOf([{ type: 'text', text: prompt }])).toBe(title);
  });

  test('of an image alone says so', () => {
    expect(titleOf([{ type: 'image', mediaType: 'image/png', data: '' }])).toBe('Image');
  });
});

describe('the states of a turn', () => {
  const states: TurnState[] = ['queued', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'interrupted'];
  const moves: Record<TurnState, TurnState[]> = {
    queued: ['running', 'cancelled'],
    running: ['waiting', 'completed', 'failed', 'cancelled', 'interrupted'],
    waiting: ['running', 'waiting', 'completed', 'failed', 'cancelled', 'interrupted'],
    completed: ['running'],
    failed: ['running'],
    cancelled: ['running'],
    interrupted: ['running', 'cancelled'],
  };

  test.each(states)('%s moves only where it may', (from) => {
    expect(states.filter((to) => mayMove(from, to))).toEqual(states.filter((to) => moves[from].includes(to)));
  });

  test('that have ended are these, though a person may have a turn go on', () => {
    expect(states.filter((state) => hasEnded(state))).toEqual(['completed', 'failed', 'cancelled', 'interrupted']);
  });
});

describe('_autosave', () => {
  const candidate = (id: string, workspace = '/w', turns = 1, elsewhere = false) => ({
    id,
    workspace,
    turns,
    elsewhere,
  });

  test.each([
    [
      'the session that was left by /reset, even when it is open elsewhere',
      [candidate('new'), candidate('old', '/w', 1, true)],
      'old',
      'old',
    ],
    ['the newest of this workspace', [candidate('else', '/x'), candidate('new'), candidate('old')], undefined, 'new'],
    ['not one that somebody else has open', [candidate('busy', '/w', 1, true), candidate('old')], undefined, 'old'],
    ['not one without any turn', [candidate('empty', '/w', 0), candidate('old')], undefined, 'old'],
    ['the newest of the store when the workspace has none', [candidate('else', '/x')], undefined, 'else'],
    [
      'nothing when there is nothing',
      [candidate('empty', '/w', 0), candidate('busy', '/w', 1, true)],
      undefined,
      undefined,
    ],
  ])('is %s', (_rule, candidates, left, chosen) => {
    expect(chooseAutosave(candidates, '/w', left)?.id).toBe(chosen);
  });
});
