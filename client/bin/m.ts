/** `m`: the frontend that the first word names. */
import { requireNode } from './node-version.ts';
import { asksForVersion, runMain, versionLine, type Main } from './program.ts';

requireNode('m');

/** `npm start` puts it before everything else, so it may stand before the word. */
const LEADING_FLAG = '--allow-keyfile';

const HELP = `Usage: m [chat] [options]          a conversation in this terminal (the default)
       m run [options] <prompt>    one turn, for scripts
       m --version | --help

\`m chat --help\` and \`m run --help\` list the options.
\`mctl\` manages sessions, keys, the configuration and the daemon.
`;

const FRONTENDS: Record<string, () => Promise<Main>> = {
  chat: async () => (await import('../chat/main.ts')).main,
  run: async () => (await import('../run/main.ts')).main,
};

function start(argv: readonly string[]): Promise<void> {
  const leading = argv[0] === LEADING_FLAG ? [LEADING_FLAG] : [];
  const [word = '', ...rest] = argv.slice(leading.length);
  if (asksForVersion([word, ...rest])) return print(versionLine('m'));
  if (word === 'help' || word === '--help' || word === '-h') return print(HELP);
  const named = Object.hasOwn(FRONTENDS, word) ? FRONTENDS[word] : undefined;
  if (named !== undefined) return runMain('m', named, [...leading, ...rest]);
  if (word === '' || word.startsWith('-'))
    return runMain('m', async () => (await import('../chat/main.ts')).main, [...argv]);
  return refuse(word);
}

function print(text: string): Promise<void> {
  process.stdout.write(text);
  return Promise.resolve();
}

function refuse(word: string): Promise<void> {
  process.stderr.write(
    `m: there is no command ${JSON.stringify(word)}\n` +
      '  `m` opens a conversation, `m run "a prompt"` does one turn, `m --help` lists what there is.\n',
  );
  process.exitCode = 2;
  return Promise.resolve();
}

void start(process.argv.slice(2));
