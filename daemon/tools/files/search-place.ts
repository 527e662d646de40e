/** Where a search begins: what `list`, `glob` and `grep` have in common before they begin. */
import { ToolRefusal, type PreparedCall, type ToolPlace } from '../../services/tool-port.ts';
import type { Places } from './places.ts';

export interface SearchTicket<Wish> {
  readonly path: string;
  readonly shown: string;
  readonly isDirectory: boolean;
  readonly wish: Wish;
}

/**
 * @param path as the model wrote it; the workspace when it wrote none.
 * @param what words for a person that come before the place.
 * @throws ToolRefusal when there is nothing, or nothing that can be searched.
 */
export async function prepareSearch<Wish>(
  places: Places,
  place: ToolPlace,
  { name, what, path = '.', wish }: { name: string; what: string; path: string | undefined; wish: Wish },
): Promise<PreparedCall> {
  const target = await places.toRead(place, path);
  if (target.stat === undefined) throw new ToolRefusal(`${target.shown} does not exist`);
  const isDirectory = target.stat.isDirectory();
  if (!isDirectory && !target.stat.isFile())
    throw new ToolRefusal(`${target.shown} is neither a directory nor a plain file`);
  const ticket: SearchTicket<Wish> = { path: target.path, shown: target.shown, isDirectory, wish };
  return {
    name,
    effect: 'read',
    title: target.shown === '.' ? what : `${what} in ${target.shown}`,
    detail: '',
    paths: [],
    outside: target.outside,
    command: '',
    dangers: [],
    ticket,
  };
}
