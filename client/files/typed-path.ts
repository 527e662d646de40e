/** The path that a person types, as the path inside of a workspace that it means. */
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { usageError } from '../command-line/failure.ts';
import { pathText } from './path-text.ts';

/**
 * @param directory where the person is. Outside of the workspace, what is typed is taken from the workspace's root.
 * @returns undefined for the whole workspace.
 * @throws ProtocolError INVALID_PARAMS when it leads out of the workspace, or is empty: a variable of a script without a value
 * must not mean everything.
 */
export function workspacePath(typed: string, workspace: string, directory: string): string | undefined {
  if (typed === '') throw usageError('a path is empty', 'The whole directory is a dot: .');
  const from = isInside(relative(workspace, directory)) ? directory : workspace;
  const path = relative(workspace, resolve(from, typed));
  if (path === '') return undefined;
  if (isInside(path)) return path.split(sep).join('/');
  throw usageError(`${pathText(typed)} is not in the workspace ${workspace}`, 'Only its files are captured.');
}

/** All of them; undefined when they are the whole workspace, or none. */
export function workspacePaths(typed: readonly string[], workspace: string, directory: string): string[] | undefined {
  const paths = typed.map((path) => workspacePath(path, workspace, directory));
  const named = paths.filter((path) => path !== undefined);
  return named.length === 0 || named.length < paths.length ? undefined : named;
}

function isInside(path: string): boolean {
  return path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
}
