import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DiffFile } from '../../../../protocol/snapshot.ts';
import { ALICE, Workbench } from './support/workbench.ts';

let bench: Workbench;
beforeEach(() => {
  bench = new Workbench();
});
afterEach(() => {
  bench.close();
});

const turn = { sessionId: ALICE, turn: 1 };
const pre = { kind: 'turn', turn: 1, phase: 'pre' } as const;
const post = { kind: 'turn', turn: 1, phase: 'post' } as const;

describe('what differs', () => {
  it('comes in pages of about a megabyte, each file once and whole or said to be cut', () => {
    bench.pre(ALICE, 1);
    bench.command(turn, () => {
      for (let file = 0; file < 30; file += 1) bench.write(`f${file}`, `${'x'.repeat(99)}\n`.repeat(1_000));
      bench.write('long', `${'y'.repeat(9)}\n`.repeat(60_000));
    });
    bench.end(turn);
    const files: DiffFile[] = [];
    let pages = 0;
    for (let offset: number | null = 0; offset !== null; pages += 1) {
      const page = bench.workspace.diff(ALICE, { from: pre, to: post, offset });
      expect(JSON.stringify(page).length).toBeLessThan(1_500_000);
      expect(page).toMatchObject({ total: 31, added: 90_000, removed: 0 });
      files.push(...page.files);
      offset = page.nextOffset;
    }
    expect(pages).toBe(5);
    expect(new Set(files.map(({ path }) => path)).size).toBe(31);
    for (const { path, hunks, truncated } of files) {
      expect(truncated).toBe(path === 'long');
      const [{ oldLines, newLines, lines } = { oldLines: -1, newLines: -1, lines: [] }] = hunks;
      expect([oldLines, newLines]).toEqual([0, lines.length]);
      expect(lines.length).toBe(truncated ? 6_410 : 1_000);
    }
  });

  it('can be limited to some paths, and be compared with the files as they are now', () => {
    bench.write('in/a', '1\n');
    bench.write('b', '1\n');
    bench.pre(ALICE, 1);
    bench.write('in/a', '2\n');
    bench.write('b', '2\n');
    const page = bench.workspace.diff(ALICE, { from: pre, paths: ['in'] });
    expect(page).toMatchObject({ total: 1, added: 1, removed: 1, nextOffset: null });
    expect(page.files[0]).toMatchObject({
      path: 'in/a',
      change: 'changed',
      content: 'text',
      by: null,
      modeBefore: '100644',
      modeAfter: '100644',
      bytesBefore: 2,
      bytesAfter: 2,
      truncated: false,
    });
  });

  it('keeps names apart that are not UTF-8', () => {
    bench.pre(ALICE, 1);
    bench.command(turn, () => {
      bench.writeBytes(Buffer.from('caf\xe9', 'latin1'), 'one');
      bench.writeBytes(Buffer.from('caf\xea', 'latin1'), 'two');
    });
    bench.end(turn);
    const { files } = bench.workspace.diff(ALICE, { from: pre, to: post });
    expect(files.map(({ path }) => path)).toEqual(['caf\udce9', 'caf\udcea']);
    const one = bench.workspace.diff(ALICE, { from: pre, to: post, paths: ['caf\udce9'] });
    expect(one.files.map(({ path }) => path)).toEqual(['caf\udce9']);
  });
});
