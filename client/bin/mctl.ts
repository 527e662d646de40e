/** `mctl`: sessions, keys, configuration and the daemon from the command line. */
import { requireNode } from './node-version.ts';
import { asksForVersion, runMain, versionLine } from './program.ts';

requireNode('mctl');

const argv = process.argv.slice(2);
if (asksForVersion(argv)) process.stdout.write(versionLine('mctl'));
else void runMain('mctl', async () => (await import('../mctl/main.ts')).main, argv);
