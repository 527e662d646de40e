/** The rules that a snapshot would be under if its files were those of the workspace. */
import type { ObjectId, ObjectSource } from '../objects/object.ts';
import { decodeTree, DIRECTORY, EXECUTABLE, REGULAR, type TreeEntry } from '../objects/tree-format.ts';
import type { ByteText } from '../byte-text.ts';
import { TrackedPaths } from './git-index.ts';
import type { OuterRules } from './outer-rules.ts';
import { PathRules, type DirectoryFacts } from './path-rules.ts';
import type { Level } from './rule-level.ts';

const NOTHING: DirectoryFacts = { ruleText: undefined, has: () => false };

/**
 * What is in an index now says nothing of then: a snapshot holds what was in it, and of the rest it was left out, if a rule
 * says so.
 * @throws what the source throws.
 */
export function rulesOfTree(source: ObjectSource, tree: ObjectId, outer: OuterRules): PathRules {
  const directories = new Map<ByteText, ReadonlyMap<ByteText, TreeEntry> | undefined>();
  const entriesOf = (directory: ByteText): ReadonlyMap<ByteText, TreeEntry> | undefined => {
    if (!directories.has(directory)) directories.set(directory, readEntries(directory));
    return directories.get(directory);
  };
  const readEntries = (directory: ByteText) => {
    const cut = directory.lastIndexOf('/');
    const entry =
      directory === ''
        ? { mode: DIRECTORY, id: tree }
        : entriesOf(directory.slice(0, Math.max(0, cut)))?.get(directory.slice(cut + 1));
    if (entry?.mode !== DIRECTORY) return undefined;
    return new Map(decodeTree(source.read(entry.id).body).map((one) => [one.name, one]));
  };
  return new PathRules(withoutIndexes(outer), (directory) => {
    const entries = entriesOf(directory);
    if (entries === undefined) return NOTHING;
    const file = entries.get('.gitignore');
    const isFile = file?.mode === REGULAR || file?.mode === EXECUTABLE;
    const ruleText = isFile ? source.read(file.id).body.toString('latin1') : undefined;
    return { ruleText, has: (name) => entries.has(name) };
  });
}

function withoutIndexes({ above, repositories, ...outer }: OuterRules): OuterRules {
  return {
    ...outer,
    above: withoutIndex(above),
    repositories: {
      at: (directory) => {
        const repository = repositories.at(directory);
        return repository && { ...repository, tracked: TrackedPaths.NONE };
      },
    },
  };
}

function withoutIndex({ above, repository, ...level }: Level): Level {
  return {
    ...level,
    above: above && withoutIndex(above),
    repository: repository && { ...repository, tracked: TrackedPaths.NONE },
  };
}
