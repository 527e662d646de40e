/** Commands that name what m keeps for itself, wherever that is, what git keeps, and the programs of m. */
import { describe, expect, test } from 'vitest';
import { dangersOf } from '../../../daemon/domain/dangerous-commands.ts';

const WORKSPACE = '/home/ada/work';
const OWN = { paths: ['/x', '/home/ada/keep/m', '/srv/agents/config.toml'], home: '/home/ada' };
const NAMES = 'names a place where m keeps its own files';

const NAMED = [
  'rm -f /x/store/m.db',
  'cat /x/key',
  'cat < /x/key',
  'cp /x/key .',
  'tar -C/x -cf - .',
  'tar --directory=/x -cf - .',
  'docker run -v /x:/data image',
  'cat "/"x/key',
  'cat /tmp/../x/./key',
  'D=/x; cat $D/key',
  'cd /x && cat key',
  'cd / && cat x/key',
  'for f in /x/*; do cat $f; done',
  'cat /?/key',
  'env A=b cat /x/key',
  "bash -c 'cat /x/key'",
  `python3 -c "print(open('/x/key').read())"`,
  'python3 <<E\nopen("/x/key")\nE',
  'cat ~/.local/share/m/key',
  'cat $HOME/.local/share/m/key',
  'cat "${HOME}/.local/share/m/key"',
  'cat /home/ada/.local/share/m/key',
  'cat ../.local/share/m/key',
  'cat ~/.local/share/*/key',
  'cat ~/.local/share/"m"/key',
  'cd ~/.local && cat share/m/key',
  'grep -r token ~/.config/m',
  `node -e "fs.readFileSync(os.homedir() + '/x', '~/.config/m/config.toml')"`,
  'cat ~/keep/m/key',
  'cat ~/"keep"/m/key',
  'cat /home/ada/keep/m/key',
  'sed -n 1p /srv/agents/config.toml',
  'ls "~"/x && ls ~/Library/Application\\ Support/m',
];

const NOT_NAMED = [
  'cat /xy/key',
  'cat x/key',
  'cat ./x/key',
  'cat /tmp/x/key',
  'cat ~/.local/share/mise/config',
  'cat ~/.config/m.toml',
  'cat /srv/agents/config.toml.example',
  'cat /srv/agents/other.toml',
  'ls ~/keep',
  'ls src/*.ts',
  'curl https://example.org/x/key',
];

const ASKED: Readonly<Record<string, readonly string[]>> = {
  'what git keeps': [
    'rm .git/index',
    'rm -f .git/index.lock',
    'echo x > .git/HEAD',
    'echo x >> .git/config',
    'cp hook .git/hooks/pre-commit',
    'mv .git/HEAD head',
    'cd .git && rm index',
    'sed -i s/a/b/ .git/config',
    'truncate -s 0 sub/.git/index',
    'tee .git/HEAD < x',
    'chmod 777 .git/hooks/pre-commit',
    'touch .git/x',
  ],
  'm by its script': [
    'node dist/m.cjs --mode full',
    'node /opt/m/dist/m.cjs run --mode full x',
    'node --enable-source-maps dist/mctl.cjs keys move',
    './dist/mctl.cjs config set mode full',
    'nodejs mctl.cjs sessions delete 1 --yes',
    'env A=b node dist/mctl.cjs keys move',
  ],
  'what runs later': [
    'echo ls | at now',
    'at -f script now + 1 minute',
    'at -d 3',
    'batch < script',
    'systemd-run --user ls',
    'systemd-run --on-active=30 ls',
  ],
};

const HARMLESS = [
  'cat .git/HEAD',
  'ls -la .git',
  'cp .git/config /tmp/copy',
  'echo x > .gitignore',
  'rm .github/x',
  'node dist/m.cjs run "hello"',
  'node dist/mctl.cjs sessions list',
  'node scripts/build.cjs keys move',
  'at -l',
  'atq',
];

describe('dangersOf', () => {
  test.each(NAMED)('asks about what names the files of m: %j', (command) => {
    expect(dangersOf(command, WORKSPACE, OWN).join('\n')).toContain(NAMES);
  });

  test.each(NAMED.filter((command) => command.includes('~/.') || command.includes('HOME')))(
    'needs not be told the usual places: %j',
    (command) => {
      expect(dangersOf(command, '/elsewhere').join('\n')).toContain(NAMES);
    },
  );

  test.each(NOT_NAMED)('does not take anything else for them: %j', (command) => {
    expect(dangersOf(command, WORKSPACE, OWN)).toEqual([]);
  });

  test('knows the home folder of the command, wherever it is', () => {
    const own = { paths: ['/data/ada/keep'], home: '/data/ada' };
    for (const path of ['~/keep/key', '/data/ada/keep/key', '/data/ada/.local/share/m/key'])
      expect(dangersOf(`cat ${path}`, '/w', own).join()).toContain(NAMES);
    expect(dangersOf('cat ~/other/key', '/w', own)).toEqual([]);
  });

  for (const [what, commands] of Object.entries(ASKED)) {
    test.each(commands)(`asks about ${what}: %j`, (command) => {
      expect(dangersOf(command, WORKSPACE)).not.toEqual([]);
    });
  }

  test.each(HARMLESS)('asks nothing about %j', (command) => {
    expect(dangersOf(command, WORKSPACE)).toEqual([]);
  });
});
