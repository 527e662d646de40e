/**
 * How isomorphic-git comes into the bundle. Its entry for Node is one file with everything in it, 350 KB with what it
 * brings; the same code as modules has parts that can be left out. What only browsers, writing and packs need is not
 * reached by reading loose objects, and is replaced by nothing: a stand-in for SHA-1 with thirty packages below it, and
 * libraries that come without the text of their licence.
 */
import { join, relative } from 'node:path';
import type { Plugin } from 'esbuild';

const LIBRARY = 'isomorphic-git';
const MODULES = `node_modules/${LIBRARY}/index.js`;
const NOT_REACHED = /^(?:clean-git-ref|crc-32|diff3|ignore|sha\.js\/sha1\.js)$/;
const NOTHING = 'nothing';

export function gitLibrary(root: string): Plugin {
  return {
    name: 'git-library',
    setup(bundler) {
      bundler.onResolve({ filter: /^isomorphic-git$/ }, () => ({ path: join(root, MODULES), sideEffects: false }));
      bundler.onResolve({ filter: NOT_REACHED }, ({ path, importer }) => {
        if (relative(root, importer) !== MODULES) return undefined;
        return { path, namespace: NOTHING, sideEffects: false };
      });
      bundler.onLoad({ filter: /.*/, namespace: NOTHING }, () => ({ contents: 'export default undefined;' }));
    },
  };
}
