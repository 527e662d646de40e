import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { OpenWatch } from '../../../../daemon/workspace/watch/directory-watches.ts';
import { linuxWatches } from '../../../../daemon/workspace/watch/watch-system.ts';
import { LocalWatch, freshPlaces, placesOf } from './support/local-watch.ts';

const NOTHING = { directories: [], subtrees: [] };

describe.skipIf(process.platform !== 'linux')('the watches of a workspace', () => {
  test('tell each directory in which something was made, changed or removed, once', async () => {
    const places = freshPlaces();
    for (const name of ['a', 'a/b', 'c', 'd']) mkdirSync(join(places.root, name));
    writeFileSync(join(places.root, 'c', 'old'), 'x');
    writeFileSync(join(places.root, 'd', 'mode'), 'x');
    const watch = new LocalWatch(places);
    await watch.watchAll(['', 'a', 'a/b', 'c', 'd']);
    expect(placesOf(await watch.dirty())).toEqual(NOTHING);
    writeFileSync(join(places.root, 'a', 'b', 'new'), '1');
    rmSync(join(places.root, 'c', 'old'));
    chmodSync(join(places.root, 'd', 'mode'), 0o755);
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['a/b', 'c', 'd'], subtrees: [] });
    expect(placesOf(await watch.dirty())).toEqual(NOTHING);
  });

  test('doubt everything until all directories were looked at after they were watched', async () => {
    const places = freshPlaces();
    const watch = new LocalWatch(places);
    expect((await watch.dirty()).kind).toBe('doubt');
    expect((await watch.dirty()).kind).toBe('doubt');
    await watch.watchAll(['']);
    expect(placesOf(await watch.dirty())).toEqual(NOTHING);
  });

  test('leave nothing behind in the directory of markers, and clear what a killed thread left', async () => {
    const places = freshPlaces();
    mkdirSync(places.cookies, { recursive: true });
    writeFileSync(join(places.cookies, '17'), '');
    const watch = new LocalWatch(places);
    await watch.watchAll(['']);
    expect(readdirSync(places.cookies)).toEqual([]);
  });

  test('case 39: more events than the queue holds are noticed, though the system says nothing', async () => {
    const places = freshPlaces();
    mkdirSync(join(places.root, 'busy'));
    mkdirSync(join(places.root, 'quiet'));
    const watch = new LocalWatch(places);
    await watch.watchAll(['', 'busy', 'quiet']);
    const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
    const files = ['one', 'two'].map((name) => join(places.root, 'busy', name));
    for (const file of files) writeFileSync(file, '');
    // Two files in turn: the kernel joins equal events that follow each other.
    for (let i = 0; i <= limit; i += 1) utimesSync(files[i % 2] ?? '', i, i);
    writeFileSync(join(places.root, 'quiet', 'lost'), 'nobody is told of this one');
    // The marker of the question is lost as well: who asks hears nothing and gives up.
    void watch.ask();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await watch.dirty()).toEqual({ kind: 'doubt', reason: 'more changed at once than the system can tell' });
    await watch.watchAll(['', 'busy', 'quiet']);
    writeFileSync(join(places.root, 'quiet', 'seen'), '1');
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['quiet'], subtrees: [] });
  });

  test('case 39: events of directories that are watched no more count too', async () => {
    const places = freshPlaces();
    for (const name of ['busy', 'quiet']) mkdirSync(join(places.root, name));
    const files = ['one', 'two'].map((name) => join(places.root, 'busy', name));
    for (const file of files) writeFileSync(file, '');
    const watch = new LocalWatch(places);
    await watch.watchAll(['', 'busy', 'quiet']);
    const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
    renameSync(join(places.root, 'busy'), join(places.around, 'busy'));
    for (let i = 0; i <= limit; i += 1) utimesSync(join(places.around, 'busy', i % 2 === 0 ? 'one' : 'two'), i, i);
    writeFileSync(join(places.root, 'quiet', 'lost'), 'nobody is told of this one');
    void watch.ask();
    await new Promise((resolve) => setImmediate(resolve));
    expect((await watch.dirty()).kind).toBe('doubt');
  });

  test.each([
    ['ENOSPC', 'the user has no watches left'],
    ['EMFILE', 'the user has no descriptors for watching left'],
  ])('case 40: %s ends the watching for good, and the reason says what helps', async (code, words) => {
    const places = freshPlaces();
    const real = linuxWatches(places);
    let left = 3;
    const open: OpenWatch = (path, told, failed) => {
      left -= 1;
      if (left < 0) throw Object.assign(new Error(`watch ${code}`), { code });
      return real.open(path, told, failed);
    };
    for (const name of ['a', 'b', 'c']) mkdirSync(join(places.root, name));
    const watch = new LocalWatch(places, { open });
    watch.loop.take({ kind: 'watch', directories: ['', 'a', 'b', 'c'], whole: true });
    const told = await watch.dirty();
    expect(told.kind).toBe('refusal');
    expect(told).toHaveProperty('reason', expect.stringContaining(words));
    expect(told).toHaveProperty('reason', expect.stringContaining('raise fs.inotify.max_user_'));
    expect(watch.loop.watches).toBe(0);
    left = 100;
    watch.loop.take({ kind: 'watch', directories: [''], whole: true });
    expect((await watch.dirty()).kind).toBe('refusal');
  });

  test('case 40: no watch at all, not even for the markers, is a refusal and not the end of the thread', async () => {
    const places = freshPlaces();
    const open: OpenWatch = () => {
      throw Object.assign(new Error('too many'), { code: 'EMFILE' });
    };
    expect((await new LocalWatch(places, { open }).dirty()).kind).toBe('refusal');
  });

  test('case 40: more directories than the budget allows are not watched, so that other programs can', async () => {
    const places = freshPlaces();
    for (const name of ['a', 'b', 'c']) mkdirSync(join(places.root, name));
    const watch = new LocalWatch(places, {}, 3);
    watch.loop.take({ kind: 'watch', directories: ['', 'a', 'b', 'c'], whole: true });
    const told = await watch.dirty();
    expect(told).toHaveProperty('reason', expect.stringContaining('more than 3 directories'));
    expect(watch.loop.watches).toBe(0);
  });

  test('case 40: the budget is one for all workspaces of a process', async () => {
    const places = freshPlaces();
    for (const name of ['a', 'b', 'c']) mkdirSync(join(places.root, name));
    const before = linuxWatches(places).heldWatches;
    const first = new LocalWatch(places);
    await first.watchAll(['', 'a', 'b', 'c']);
    const other = freshPlaces();
    // One more is that of the markers.
    expect(linuxWatches(other).heldWatches).toBe(before + 5);
    const second = new LocalWatch(other, { maxWatches: 2 * (before + 5) });
    second.loop.take({ kind: 'watch', directories: [''], whole: true });
    expect((await second.dirty()).kind).toBe('refusal');
    const third = new LocalWatch(other, { maxWatches: 2 * (before + 6) });
    await third.watchAll(['']);
  });

  test('case 41: a directory that is made and filled at once is told, and again once it is watched', async () => {
    const places = freshPlaces();
    const watch = new LocalWatch(places);
    await watch.watchAll(['']);
    mkdirSync(join(places.root, 'new', 'deep'), { recursive: true });
    writeFileSync(join(places.root, 'new', 'deep', 'file'), '1');
    expect(placesOf(await watch.dirty())).toEqual({ directories: [''], subtrees: [] });
    // What comes after the scan has looked at it and before its watch is set would be lost.
    writeFileSync(join(places.root, 'new', 'deep', 'late'), '2');
    watch.watch('new', 'new/deep');
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['new', 'new/deep'], subtrees: [] });
    expect(placesOf(await watch.dirty())).toEqual(NOTHING);
    writeFileSync(join(places.root, 'new', 'deep', 'file'), '3');
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['new/deep'], subtrees: [] });
  });

  test('case 41: directories above a new one are watched with it, and told when they had no watch', async () => {
    const places = freshPlaces();
    mkdirSync(join(places.root, 'a', 'b', 'c'), { recursive: true });
    const watch = new LocalWatch(places);
    await watch.watchAll(['']);
    watch.watch('a/b/c');
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['a', 'a/b', 'a/b/c'], subtrees: [] });
    expect(watch.loop.watches).toBe(4);
  });

  test('case 41: a directory that is away when it is to be watched is told whole: it may come back another', async () => {
    const places = freshPlaces();
    const watch = new LocalWatch(places);
    await watch.watchAll(['']);
    mkdirSync(join(places.root, 'new', 'deep'), { recursive: true });
    renameSync(join(places.root, 'new'), join(places.around, 'away'));
    watch.watch('new', 'new/deep');
    writeFileSync(join(places.around, 'away', 'deep', 'file'), '1');
    renameSync(join(places.around, 'away'), join(places.root, 'new'));
    expect(placesOf(await watch.dirty())).toEqual({ directories: [''], subtrees: ['new'] });
    expect(watch.loop.watches).toBe(1);
  });

  test('case 42: a directory that was moved is told under both names, with all that is below', async () => {
    const places = freshPlaces();
    mkdirSync(join(places.root, 'a', 'deep'), { recursive: true });
    mkdirSync(join(places.root, 'other'));
    const watch = new LocalWatch(places);
    await watch.watchAll(['', 'a', 'a/deep', 'other']);
    renameSync(join(places.root, 'a'), join(places.root, 'other', 'b'));
    writeFileSync(join(places.root, 'other', 'b', 'deep', 'file'), '1');
    const { directories, subtrees } = placesOf(await watch.dirty());
    expect(subtrees).toEqual(['a']);
    expect(directories).toEqual(expect.arrayContaining(['', 'other']));
    watch.watch('other', 'other/b', 'other/b/deep');
    await watch.dirty();
    writeFileSync(join(places.root, 'other', 'b', 'deep', 'file'), '2');
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['other/b/deep'], subtrees: [] });
    expect(watch.loop.watches).toBe(4);
  });

  test('case 42: two directories that changed names are both looked at whole, and watched under their new names', async () => {
    const places = freshPlaces();
    for (const name of ['a', 'b']) mkdirSync(join(places.root, name, 'deep'), { recursive: true });
    const all = ['', 'a', 'a/deep', 'b', 'b/deep'];
    const watch = new LocalWatch(places);
    await watch.watchAll(all);
    renameSync(join(places.root, 'a'), join(places.root, 't'));
    renameSync(join(places.root, 'b'), join(places.root, 'a'));
    renameSync(join(places.root, 't'), join(places.root, 'b'));
    expect(placesOf(await watch.dirty()).subtrees).toEqual(['a', 'b']);
    watch.watch(...all);
    await watch.dirty();
    writeFileSync(join(places.root, 'a', 'deep', 'file'), '1');
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['a/deep'], subtrees: [] });
  });

  test('case 42: a directory that is removed and made again is watched again', async () => {
    const places = freshPlaces();
    mkdirSync(join(places.root, 'a'));
    const watch = new LocalWatch(places);
    await watch.watchAll(['', 'a']);
    rmSync(join(places.root, 'a'), { recursive: true });
    mkdirSync(join(places.root, 'a'));
    const { directories, subtrees } = placesOf(await watch.dirty());
    expect(directories).toContain('');
    expect(subtrees).toEqual(['a']);
    watch.watch('a');
    await watch.dirty();
    writeFileSync(join(places.root, 'a', 'file'), '1');
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['a'], subtrees: [] });
  });

  test('a directory that became a link to another one is no longer relied on', async () => {
    const places = freshPlaces();
    mkdirSync(join(places.root, 'a'));
    mkdirSync(join(places.around, 'outside'));
    const watch = new LocalWatch(places);
    await watch.watchAll(['', 'a']);
    renameSync(join(places.root, 'a'), join(places.around, 'gone'));
    symlinkSync(join(places.around, 'outside'), join(places.root, 'a'));
    expect(placesOf(await watch.dirty()).subtrees).toEqual(['a']);
  });

  test('a directory with a file of its own name is no reason to look at everything below', async () => {
    const places = freshPlaces();
    mkdirSync(join(places.root, 'root'));
    mkdirSync(join(places.root, 'tool'));
    const watch = new LocalWatch(places);
    await watch.watchAll(['', 'root', 'tool']);
    writeFileSync(join(places.root, 'tool', 'tool'), 'built');
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['tool'], subtrees: [] });
  });

  test('a directory that the system refuses to watch is looked at whole, every time', async () => {
    const places = freshPlaces();
    const real = linuxWatches(places);
    let refused = true;
    const open: OpenWatch = (path, told, failed) => {
      if (refused && String(path).endsWith('/locked')) throw Object.assign(new Error('no'), { code: 'EACCES' });
      return real.open(path, told, failed);
    };
    mkdirSync(join(places.root, 'locked'));
    const watch = new LocalWatch(places, { open });
    watch.loop.take({ kind: 'watch', directories: ['', 'locked'], whole: true });
    await watch.dirty();
    expect(placesOf(await watch.dirty()).subtrees).toEqual(['locked']);
    expect(placesOf(await watch.dirty()).subtrees).toEqual(['locked']);
    refused = false;
    watch.watch('locked');
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['locked'], subtrees: [] });
    expect(placesOf(await watch.dirty())).toEqual(NOTHING);
  });

  test('names of any bytes are told as they are', async () => {
    const places = freshPlaces();
    const names = ['caf\u00c3\u00a9', '\xff\xfe', 'new\nline', '-x'];
    for (const name of names) mkdirSync(Buffer.from(`${places.root}/${name}/in`, 'latin1'), { recursive: true });
    const watch = new LocalWatch(places);
    await watch.watchAll(['', ...names.flatMap((name) => [name, `${name}/in`])]);
    for (const name of names) writeFileSync(Buffer.from(`${places.root}/${name}/in/f\xfe`, 'latin1'), '1');
    const expected = names.map((name) => `${name}/in`).toSorted();
    expect(placesOf(await watch.dirty())).toEqual({ directories: expected, subtrees: [] });
  });

  test.each([
    ['the workspace is moved', (root: string) => renameSync(root, `${root}-moved`)],
    ['the workspace is removed', (root: string) => rmSync(root, { recursive: true })],
    [
      'another directory takes its place',
      (root: string) => {
        renameSync(root, `${root}-moved`);
        mkdirSync(root);
      },
    ],
    [
      'a directory above it is moved',
      (root: string) => renameSync(join(root, '..'), join(root, '..', '..', 'elsewhere')),
    ],
  ])('everything is doubted when %s', async (_, change) => {
    const places = freshPlaces();
    const root = join(places.root, 'above', 'workspace');
    mkdirSync(root, { recursive: true });
    const watch = new LocalWatch({ ...places, root });
    await watch.watchAll(['']);
    change(root);
    expect((await watch.dirty()).kind).toBe('doubt');
    watch.loop.take({ kind: 'watch', directories: [''], whole: true });
    mkdirSync(root, { recursive: true });
    await watch.watchAll(['']);
    writeFileSync(join(root, 'file'), '1');
    expect(placesOf(await watch.dirty())).toEqual({ directories: [''], subtrees: [] });
  });

  test('case 43: a watch that breaks puts everything in doubt, and all are set anew', async () => {
    const places = freshPlaces();
    mkdirSync(join(places.root, 'a'));
    const real = linuxWatches(places);
    let breaks: ((error: Error) => void) | undefined;
    const open: OpenWatch = (path, told, failed) => {
      if (String(path).endsWith('/a')) breaks = failed;
      return real.open(path, told, failed);
    };
    const watch = new LocalWatch(places, { open });
    await watch.watchAll(['', 'a']);
    breaks?.(new Error('out of order'));
    expect(await watch.dirty()).toEqual({ kind: 'doubt', reason: 'a watch broke: out of order' });
    await watch.watchAll(['', 'a']);
    writeFileSync(join(places.root, 'a', 'file'), '1');
    expect(placesOf(await watch.dirty())).toEqual({ directories: ['a'], subtrees: [] });
  });

  test('something mounted inside of the workspace puts everything in doubt', async () => {
    const places = freshPlaces();
    const { place } = linuxWatches(places);
    let mounts = '';
    const watch = new LocalWatch(places, { place: () => `${place() ?? ''}${mounts}` });
    await watch.watchAll(['']);
    mounts = '/root/data';
    expect((await watch.dirty()).kind).toBe('doubt');
  });

  test('a moment that cannot be marked is a doubt: the disk of the data directory may be full', async () => {
    const places = freshPlaces();
    let full = false;
    const real = linuxWatches(places);
    const cookie = (name: string) => {
      if (full) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      real.cookie(name);
    };
    const watch = new LocalWatch(places, { cookie });
    await watch.watchAll(['']);
    writeFileSync(join(places.root, 'file'), '1');
    full = true;
    expect((await watch.ask()).dirt.kind).toBe('doubt');
    full = false;
    expect(placesOf(await watch.dirty())).toEqual({ directories: [''], subtrees: [] });
  });

  test('directories that are captured no more lose their watch with the next scan of everything', async () => {
    const places = freshPlaces();
    for (const name of ['a', 'a/x', 'b']) mkdirSync(join(places.root, name));
    const watch = new LocalWatch(places);
    await watch.watchAll(['', 'a', 'a/x', 'b']);
    await watch.watchAll(['', 'b']);
    expect(watch.loop.watches).toBe(2);
    writeFileSync(join(places.root, 'a', 'x', 'file'), '1');
    expect(placesOf(await watch.dirty())).toEqual(NOTHING);
  });

  test('what is written through a name outside of the workspace is not told: only a scan of everything finds it', async () => {
    const places = freshPlaces();
    writeFileSync(join(places.root, 'file'), '1');
    const watch = new LocalWatch(places);
    await watch.watchAll(['']);
    linkSync(join(places.root, 'file'), join(places.around, 'other-name'));
    writeFileSync(join(places.around, 'other-name'), '2');
    expect(placesOf(await watch.dirty())).toEqual(NOTHING);
  });
});
