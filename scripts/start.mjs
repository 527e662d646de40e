/** `npm start`: builds when a source is newer than the bundle, then becomes `m`, so that terminal and signals are its own. */
import './node-guard.mjs';
import { fileURLToPath } from 'node:url';

const { ensureBuilt } = await import('./ensure-built.ts');
await ensureBuilt();

const program = new URL('../dist/m.cjs', import.meta.url);
process.argv = [process.execPath, fileURLToPath(program), '--allow-keyfile', ...process.argv.slice(2)];
await import(program.href);
