/** `/diff`: what a turn changed in the files, or what differs between two points. */
import { diffPages, diffText } from '../files/diff-pages.ts';
import { diffParams, readDiffWish } from '../files/diff-wish.ts';
import { readWords } from '../files/read-words.ts';
import { workspacePaths } from '../files/typed-path.ts';
import { workspaceOf } from './agent.ts';
import type { Command } from './command.ts';
import { currentSession } from './current-session.ts';

export const diff: Command = {
  name: 'diff',
  takes: '[turn [turn|now]] [paths]',
  summary: 'what the newest turn changed in the files, or a turn, or all from one turn to another or to now',
  async run(context, argument) {
    const { client, talk, dialogue, lines } = context;
    const wish = readDiffWish(readWords(argument));
    const sessionId = currentSession(context, 'compare');
    const paths = workspacePaths(wish.paths, workspaceOf(context), talk.workspace);
    const { params, between } = await diffParams(client, sessionId, wish, paths);
    const pages = diffText(diffPages(client, params), between);
    if (dialogue === undefined) for await (const page of pages) lines(page);
    else await dialogue.show(pages);
  },
};
