/** The rules that come from outside of the workspace: of the repository that it is part of, and of the person. */
import { toByteText, type ByteText } from '../byte-text.ts';
import type { Repositories } from './repositories.ts';
import { enterLevel, judge, topLevel, type Level, type LevelFacts } from './rule-level.ts';
import { textOf } from './text-file.ts';

/** Where the person's own things are. `configHome` is that of the XDG specification, `~/.config` when it is not given. */
export interface Places {
  readonly home: string;
  readonly configHome?: string;
}

export interface OuterRules {
  /** Above the workspace; its own `.gitignore` and `.git` are not in it. */
  readonly above: Level;
  /** Real path of the workspace. */
  readonly root: ByteText;
  readonly repositories: Pick<Repositories, 'at'>;
  readonly remarks: readonly string[];
}

const REPOSITORY_IGNORES_IT =
  'The workspace is ignored by the repository around it, so the ignore rules of that repository were not applied.';

/** @param root real path of the workspace. */
export function outerRules(root: ByteText, places: Places, repositories: Repositories): OuterRules {
  const personal = topLevel(textOf(personalExcludes(places), true));
  const alone = { root, repositories, above: personal, remarks: [] };
  const around = repositories.at(root) === undefined ? repositoryAbove(root, repositories) : undefined;
  if (around === undefined) return alone;
  // A person who keeps the home directory in git ignores nearly all of it, and means none of the projects in it.
  if (ignoresWorkspace(around, personal)) return { ...alone, remarks: [REPOSITORY_IGNORES_IT] };
  let above = personal;
  for (const [index, said] of around.facts.entries())
    above = enterLevel(above, { ...said, depth: 0, lead: around.names.slice(index) });
  return { ...alone, above };
}

interface Above {
  /** Names from the top of the repository down to the workspace. */
  readonly names: readonly ByteText[];
  readonly facts: readonly Pick<LevelFacts, 'ruleText' | 'repository'>[];
}

/** The repository that the workspace is somewhere in, with what each directory between them says. */
function repositoryAbove(root: ByteText, repositories: Repositories): Above | undefined {
  const names: ByteText[] = [];
  for (let at = root; at !== '';) {
    const cut = at.lastIndexOf('/');
    names.unshift(at.slice(cut + 1));
    at = at.slice(0, cut);
    const repository = repositories.at(at);
    if (repository === undefined) continue;
    const facts = names.map((_, index) => ({
      ruleText: textOf([at, ...names.slice(0, index), '.gitignore'].join('/'), false),
      repository: index === 0 ? repository : undefined,
    }));
    return { names, facts };
  }
  return undefined;
}

/** As if the top of the repository were the workspace: is one of the directories on the way left out? */
function ignoresWorkspace({ names, facts }: Above, personal: Level): boolean {
  let level = personal;
  for (const [depth, said] of facts.entries()) {
    level = enterLevel(level, { ...said, depth });
    const verdict = judge(level, names.slice(0, depth + 1), true, () => false);
    if (verdict === 'out' || verdict === 'only-tracked') return true;
  }
  return false;
}

function personalExcludes({ home, configHome }: Places): ByteText {
  return toByteText(`${configHome ?? `${home}/.config`}/git/ignore`);
}
