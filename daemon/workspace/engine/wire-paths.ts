/** Paths that clients name. */
import { ProtocolError } from '../../../protocol/errors.ts';
import { fromWirePath, type ByteText } from '../byte-text.ts';

/**
 * @returns as trees have them; the empty path is the workspace.
 * @throws ProtocolError INVALID_PARAMS for a path that leads out of the workspace.
 */
export function pathsFromWire(paths: readonly string[]): ByteText[] {
  return paths.map((path) => {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    if (path.startsWith('/') || parts.includes('..') || path.includes('\0')) {
      throw new ProtocolError('INVALID_PARAMS', `${path.toWellFormed()} is no path inside of the workspace`, {
        hint: 'name files and directories from the root of the workspace on, as in src/main.ts',
      });
    }
    return fromWirePath(parts.join('/'));
  });
}
