/** Who may import whom. DESIGN: dependencies point one way, and each thing that is dangerous or slow has one home. */

const PRODUCT = '^(client|daemon|protocol)/';

/** Directories and files (as path patterns) outside of which a capability is out of reach. */
const HOMES = {
  disk: [
    '^daemon/(vault|workspace|tools|life|config|logging)/',
    '^daemon/(config[^/]*|log|paths)[.]ts$',
    '^client/(connection|mctl)/',
    '^client/command-line/(workspace|controlling-terminal)[.]ts$',
  ],
  // The pager reads keys from the person's terminal: no daemon can start it for them.
  // The library that watches on macOS takes its process down with it: it gets one of its own, with nothing to lose.
  childProcess: [
    '^daemon/(vault|tools)/',
    '^daemon/workspace/watch/stream/helper-process[.]ts$',
    '^client/connection/',
    '^client/command-line/pager[.]ts$',
  ],
  network: ['^daemon/(transport|life)/', '^daemon/agent/exchange[.]ts$', '^client/connection/'],
  database: ['^daemon/vault/', '^daemon/life/lock[.]ts$'],
  keychain: ['^daemon/vault/'],
  models: ['^daemon/agent/'],
  gitLibrary: ['^daemon/workspace/check/git-library[.]ts$'],
};

const pack = (name) => `(^|/)node_modules/${name}/`;
const core = (names) => `^(node:)?(${names})$`;

/** @returns a rule that keeps a capability in its home; a type costs nothing and is allowed anywhere unless `types` says otherwise. */
const home = (name, comment, places, to, { types = false } = {}) => ({
  name,
  comment,
  severity: 'error',
  from: { path: PRODUCT, pathNot: places },
  to: { path: to, ...(types ? {} : { dependencyTypesNot: ['type-only'] }) },
});

export default {
  forbidden: [
    {
      name: 'protocol-is-a-leaf',
      comment: 'Both sides and strangers read the contract: it must be understandable, and loadable, without the rest.',
      severity: 'error',
      from: { path: '^protocol/' },
      to: { pathNot: ['^protocol/', pack('zod'), pack('vscode-jsonrpc'), '^(node:)?(buffer|crypto|path|net)$'] },
    },
    {
      name: 'protocol-frames-in-one-file',
      comment: 'The JSON-RPC library costs start-up time: whoever only needs shapes or errors must not load it.',
      severity: 'error',
      from: { path: '^protocol/', pathNot: '^protocol/(framing|leave)[.]ts$' },
      to: { path: [pack('vscode-jsonrpc'), core('net')] },
    },
    {
      name: 'protocol-opens-no-socket',
      comment: 'Framing is given a socket; it knows the type and nothing of how sockets come about.',
      severity: 'error',
      from: { path: '^protocol/' },
      to: { path: core('net'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'protocol-names-the-meeting-place-in-one-file',
      comment: 'Hashing and paths serve the socket name only; shapes are data.',
      severity: 'error',
      from: { path: '^protocol/', pathNot: '^protocol/endpoint[.]ts$' },
      to: { path: core('crypto|path') },
    },
    {
      name: 'clients-load-no-schemas',
      comment:
        'The daemon validates; a client that loads the schema library starts later for nothing. Shapes are types.',
      severity: 'error',
      from: { path: '^client/' },
      to: {
        path: ['^protocol/', pack('zod')],
        pathNot: '^protocol/(endpoint|envelope|errors|frame|framing|version)[.]ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'zod-is-mini',
      comment: 'The full schema library costs 20 ms at every start, zod/mini one.',
      severity: 'error',
      from: { path: '^(client|daemon|protocol|scripts|test)/' },
      to: { path: pack('zod'), pathNot: '(^|/)node_modules/zod/mini/' },
    },
    {
      name: 'sides-do-not-meet',
      comment: 'Client and daemon are different processes, often of different builds: the protocol is all they share.',
      severity: 'error',
      from: { path: '^(client|daemon)/' },
      to: { path: '^(client|daemon)/', pathNot: '^$1/' },
    },
    {
      name: 'frontends-do-not-meet',
      comment: 'What two frontends need is in a room of its own beside them; a frontend can be removed alone.',
      severity: 'error',
      from: { path: '^client/(chat|run|mctl|tui)/' },
      to: { path: '^client/(chat|run|mctl|tui)/', pathNot: '^client/$1/' },
    },
    {
      name: 'shared-client-code-knows-no-frontend',
      comment: 'What serves every frontend cannot lean on one.',
      severity: 'error',
      from: { path: '^client/', pathNot: '^client/(chat|run|mctl|tui|bin)/' },
      to: { path: '^client/(chat|run|mctl|tui|bin)/' },
    },
    {
      name: 'domain-is-pure',
      comment: 'Rules and state tables are tested without mocks because they have no clock, no disk and no randomness.',
      severity: 'error',
      from: { path: '^daemon/domain/' },
      to: { pathNot: ['^daemon/domain/', '^protocol/', '(^|/)node_modules/zod/mini/'] },
    },
    {
      name: 'services-see-ports',
      comment: 'Services say what they need in ports; which thread or library provides it is daemon.ts’s business.',
      severity: 'error',
      from: { path: '^daemon/services/' },
      to: { path: '^(daemon|client)/', pathNot: '^daemon/(services|domain)/' },
    },
    {
      name: 'transport-calls-services',
      comment: 'A connection translates and forwards; it holds no rules and reaches no storage.',
      severity: 'error',
      from: { path: '^daemon/transport/' },
      to: { path: '^(daemon|client)/', pathNot: ['^daemon/(transport|services)/', '^daemon/domain/errors[.]ts$'] },
    },
    {
      name: 'workers-stay-below',
      comment: 'What runs in a thread of its own must not pull the main thread’s rooms into that thread.',
      severity: 'error',
      from: { path: '^daemon/(vault|workspace|tools)/' },
      to: { path: '^daemon/(transport|agent)/|^daemon/(daemon|main)[.]ts$' },
    },
    {
      name: 'only-the-root-builds-everything',
      comment: 'daemon.ts wires the parts together; a part that imports it back would know all the others.',
      severity: 'error',
      from: { path: '^daemon/', pathNot: '^daemon/main[.]ts$' },
      to: { path: '^daemon/(daemon|main)[.]ts$' },
    },
    home(
      'disk-has-one-home',
      'A file that is written by accident is not encrypted, not 0600 and not where the user was told.',
      HOMES.disk,
      core('fs|fs/promises'),
    ),
    home(
      'child-processes-have-one-home',
      'Who starts a process must end it, and choose its environment: both are decided in few places.',
      HOMES.childProcess,
      core('child_process'),
    ),
    home(
      'sockets-have-one-home',
      'Who may connect is checked where sockets are opened.',
      HOMES.network,
      core('net|dgram|tls|http|https|http2'),
    ),
    home(
      'database-has-one-home',
      'Only the vault thread opens the store (synchronous, and POSIX locks drop when another handle closes); the lock file is the other database.',
      HOMES.database,
      pack('better-sqlite3'),
      { types: true },
    ),
    home('keychain-has-one-home', 'Key material never leaves the vault.', HOMES.keychain, pack('@napi-rs/keyring'), {
      types: true,
    }),
    home(
      'model-libraries-have-one-home',
      'The rest speaks of messages and parts, so that any agent can stand behind them.',
      HOMES.models,
      pack('@ai-sdk/[^/]+'),
      { types: true },
    ),
    home(
      'git-library-has-one-home',
      'It is loaded when somebody checks what is stored, and never to take or to read a snapshot: it is slow at both.',
      HOMES.gitLibrary,
      pack('isomorphic-git'),
      { types: true },
    ),
    {
      name: 'git-library-is-loaded-late',
      comment: 'Whoever imports it at the start loads it into every thread of a workspace.',
      severity: 'error',
      from: { path: PRODUCT },
      to: {
        path: '^daemon/workspace/check/git-library[.]ts$',
        dependencyTypesNot: ['type-only', 'dynamic-import'],
      },
    },
    {
      name: 'no-cycles',
      comment: 'Files that import each other can only be understood together; types count.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that nothing imports and that imports nothing is left over.',
      severity: 'error',
      from: { orphan: true, pathNot: ['[.]test[.]ts$', '[.]d[.]ts$', '^scripts/[^/]+$', '^client/bin/'] },
      to: {},
    },
    {
      name: 'no-test-code-in-product',
      comment: 'Tests and scripts are not published.',
      severity: 'error',
      from: { path: PRODUCT },
      to: { path: ['^(test|scripts)/', '[.]test[.]ts$', pack('vitest'), pack('@copilotkit/[^/]+')] },
    },
    {
      name: 'no-unresolvable',
      comment: 'What cannot be found cannot be checked by any rule above.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // TypeScript 7 has no interface that the tool could use; swc reads the imports instead.
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.cjs', '.js', '.d.ts', '.json'],
    },
  },
};
