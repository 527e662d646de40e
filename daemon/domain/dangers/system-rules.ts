/** What must not happen to the machine, its processes and what is kept elsewhere, unasked. */
import { begins, hasOption, joined, operands, type Invocation, type Rule, type Rules } from './invocation.ts';

const DISK = 'changes a disk below its files';
const ANOTHER_USER = 'runs a command as another user';
const POWER = 'turns the machine off or starts it again';
const BY_NAME = 'ends processes by their name, also those of others';
const PRUNES = 'deletes containers, images or volumes';
const DATABASE = 'deletes a database, or tables of it';
const GONE = 'deletes what is kept on another machine';
const LATER = 'runs a command later, or where nobody sees it';
const PUBLIC = 'publishes, which cannot be taken back';

const always =
  (danger: string): Rule =>
  () => [danger];

/** A danger that depends on words that follow each other; options in front of them may have values of their own. */
const when =
  (...cases: readonly (readonly [words: string, danger: string])[]): Rule =>
  ({ args }) => {
    const given = operands(args).map(({ text }) => text);
    const found = cases.find(([words]) => {
      const wanted = words.split(' ').map((word) => word.split('|'));
      return given.some((_word, start) =>
        wanted.every((choices, index) => choices.includes(given[start + index] ?? '')),
      );
    });
    return found === undefined ? [] : [found[1]];
  };

const KEYS_OF_M = ['list', 'show', 'status', 'logs', 'path', 'get', 'verify', 'doctor', 'help', 'explain'];

const CONTAINERS: Rule = (call) => {
  const { args } = call;
  const named = operands(args).map(({ text }) => text);
  if (named.includes('compose') && named.includes('down') && hasOption(args, 'v', 'volumes')) return [PRUNES];
  return when(['system|volume|container|image|network|builder|buildx prune', PRUNES], ['volume rm', PRUNES])(call);
};

const DISK_TOOL: Rule = ({ args }) => (hasOption(args, 'lh', 'list', 'help', 'version') ? [] : [DISK]);

export const SYSTEM_RULES: Rules = {
  sudo: always(ANOTHER_USER),
  su: always(ANOTHER_USER),
  doas: always(ANOTHER_USER),
  pkexec: always(ANOTHER_USER),
  run0: always(ANOTHER_USER),
  runuser: always(ANOTHER_USER),
  mkfs: always(DISK),
  mke2fs: always(DISK),
  mkswap: always(DISK),
  newfs: always(DISK),
  wipefs: always(DISK),
  blkdiscard: always(DISK),
  fdisk: DISK_TOOL,
  sfdisk: DISK_TOOL,
  gdisk: DISK_TOOL,
  sgdisk: DISK_TOOL,
  cfdisk: always(DISK),
  parted: DISK_TOOL,
  cryptsetup: always(DISK),
  lvremove: always(DISK),
  vgremove: always(DISK),
  pvremove: always(DISK),
  zpool: when(['destroy|labelclear', DISK]),
  zfs: when(['destroy|rollback', DISK]),
  diskutil: when(['eraseDisk|eraseVolume|reformat|partitionDisk|secureErase|apfs|zeroDisk', DISK]),
  shutdown: always(POWER),
  reboot: always(POWER),
  halt: always(POWER),
  poweroff: always(POWER),
  telinit: always(POWER),
  init: when(['0|1|6', POWER]),
  systemctl: when(['poweroff|reboot|halt|kexec|suspend|hibernate|soft-reboot|rescue|emergency', POWER]),
  kill,
  pkill: always(BY_NAME),
  killall: always(BY_NAME),
  killall5: always(BY_NAME),
  skill: always(BY_NAME),
  fuser: ({ args }) => (hasOption(args, 'k', 'kill') ? ['ends processes that use a file or a port'] : []),
  crontab: ({ args }) => (hasOption(args, 'l') ? [] : ['replaces or deletes what runs by the clock']),
  at: ({ args }) => (hasOption(args, 'lV') ? [] : [LATER]),
  batch: always(LATER),
  'systemd-run': ({ args }) => (hasOption(args, 'h', 'help', 'version') ? [] : [LATER]),
  docker: CONTAINERS,
  podman: CONTAINERS,
  'docker-compose': ({ args }) =>
    operands(args).some(({ text }) => text === 'down') && hasOption(args, 'v', 'volumes') ? [PRUNES] : [],
  dropdb: always(DATABASE),
  mysqladmin: when(['drop', DATABASE]),
  'redis-cli': ({ args }) => (/\bflush(?:all|db)\b/i.test(joined(args)) ? [DATABASE] : []),
  prisma: when(['migrate reset', DATABASE]),
  rails: when(['db:drop|db:reset|db:purge', DATABASE]),
  rake: when(['db:drop|db:reset|db:purge', DATABASE]),
  terraform: when(['destroy', GONE]),
  tofu: when(['destroy', GONE]),
  pulumi: when(['destroy', GONE]),
  kubectl: when(['delete|drain', GONE]),
  helm: when(['uninstall|delete', GONE]),
  gh: when(['repo|release delete', GONE]),
  aws: ({ args }) =>
    begins(args, 's3', 'rb') || (begins(args, 's3', 'rm') && hasOption(args, '', 'recursive')) ? [GONE] : [],
  npm: when(['publish|unpublish|deprecate', PUBLIC]),
  pnpm: when(['publish|unpublish|deprecate', PUBLIC]),
  yarn: when(['publish', PUBLIC], ['npm publish', PUBLIC]),
  cargo: when(['publish|yank', PUBLIC]),
  twine: when(['upload', PUBLIC]),
  mctl: ownCommand,
  m: ({ args }) =>
    args.some(({ text }) => text.startsWith('--mode')) ? ['starts m in a mode in which nobody is asked'] : [],
};

/** Names that begin in a way that tells enough. */
export const SYSTEM_BEGINNINGS: readonly (readonly [beginning: string, rule: Rule])[] = [['mkfs.', always(DISK)]];

function kill({ args, open }: Invocation): readonly string[] {
  if (open) return ['ends processes that another command names'];
  if (args.some(({ said }) => said)) return ['ends processes that another command names'];
  const texts = args.map(({ text }) => text);
  if (texts.some((text) => /^-(?:l|L|-list|-table)$/.test(text))) return [];
  // The first argument with a dash is the signal, unless it is the only one.
  const names = /^-(?:s|n|-signal)$/.test(texts[0] ?? '')
    ? 2
    : texts[0]?.startsWith('-') === true && texts[0] !== '--'
      ? 1
      : 0;
  const targets = texts.length === 1 ? texts : texts.slice(names);
  if (targets.includes('-1')) return ['ends every process of this user'];
  return targets.includes('1') ? ['ends the first process of the machine'] : [];
}

function ownCommand({ args }: Invocation): readonly string[] {
  const words = operands(args).map(({ text }) => text);
  if (words.length === 0 || hasOption(args, 'h', 'help', 'version') || words.some((word) => KEYS_OF_M.includes(word)))
    return [];
  if (words[0] === 'sessions' && words[1] === 'delete') return ['deletes sessions of m'];
  return ['changes m itself: its sessions, keys, settings or answers'];
}
