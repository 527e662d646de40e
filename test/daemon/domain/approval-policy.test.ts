import { describe, expect, test } from 'vitest';
import { judge, subjectOf, type JudgedCall } from '../../../daemon/domain/approval-policy.ts';
import type { ApprovalMode } from '../../../protocol/tool.ts';

const READ: JudgedCall = { effect: 'read', outside: [], command: '', dangers: [] };
const EDIT: JudgedCall = { effect: 'edit', outside: [], command: '', dangers: [] };
const COMMAND: JudgedCall = { effect: 'command', outside: [], command: 'npm test', dangers: [] };
const outside = (call: JudgedCall): JudgedCall => ({ ...call, outside: ['/etc/hosts'] });
const dangerous = (call: JudgedCall): JudgedCall => ({ ...call, dangers: ['It deletes files.'] });

describe('a tool call', () => {
  const rows: [string, JudgedCall, Record<ApprovalMode, 'allow' | 'ask'>][] = [
    ['that reads inside the workspace', READ, { ask: 'allow', 'auto-edit': 'allow', full: 'allow' }],
    ['that reads outside of it', outside(READ), { ask: 'ask', 'auto-edit': 'ask', full: 'allow' }],
    ['that edits inside the workspace', EDIT, { ask: 'ask', 'auto-edit': 'allow', full: 'allow' }],
    ['that edits outside of it', outside(EDIT), { ask: 'ask', 'auto-edit': 'ask', full: 'ask' }],
    ['that runs a command', COMMAND, { ask: 'ask', 'auto-edit': 'ask', full: 'allow' }],
    ['that runs a dangerous command', dangerous(COMMAND), { ask: 'ask', 'auto-edit': 'ask', full: 'ask' }],
  ];
  test.each(rows)('%s is judged by the mode', (_name, call, wanted) => {
    for (const [mode, decision] of Object.entries(wanted)) {
      expect([mode, judge(mode as ApprovalMode, call).decision]).toEqual([mode, decision]);
    }
  });

  test('that is dangerous can only be allowed once, and says why it is asked', () => {
    const { scopes, reasons } = judge('full', dangerous(COMMAND));
    expect(scopes).toEqual(['once']);
    expect(reasons).toEqual(['It deletes files.']);
  });

  test('that leaves the workspace says where it goes', () => {
    expect(judge('ask', outside(READ)).reasons).toEqual(['/etc/hosts is outside the workspace.']);
  });

  test('is remembered as the very command, as the very files outside, or as any edit inside', () => {
    expect(subjectOf({ ...COMMAND, name: 'bash' })).toBe('npm test');
    expect(subjectOf({ ...outside(EDIT), name: 'edit' })).toBe('/etc/hosts');
    expect(subjectOf({ ...EDIT, name: 'edit' })).toBe('');
  });

  test('that lists a folder outside is not remembered as one that searches all that is below it', () => {
    expect(subjectOf({ ...outside(READ), name: 'read' })).toBe('/etc/hosts');
    expect(subjectOf({ ...outside(READ), name: 'list' })).toBe('list /etc/hosts');
    expect(subjectOf({ ...outside(READ), name: 'grep' })).toBe('grep /etc/hosts');
  });
});
