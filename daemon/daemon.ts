/** The composition root: the only file that builds everything and knows who gets what. */
import { dirname, join } from 'node:path';
import type { DaemonStatus } from '../protocol/admin.ts';
import { ProtocolError } from '../protocol/errors.ts';
import { PROTOCOL } from '../protocol/version.ts';
import { AgentRegistry } from './agent/registry.ts';
import { Instructions } from './config/instructions.ts';
import { costOf } from './config/price.ts';
import { ConfigurationStore } from './config/store.ts';
import type { Daemon, DaemonContext, DrainOptions } from './life/daemon-context.ts';
import { reporter, type Report } from './reporter.ts';
import { serviceRoutes, type Services } from './service-routes.ts';
import { Briefings } from './agent/briefings.ts';
import { ApprovalService } from './services/approval-service.ts';
import { systemClock } from './services/clock.ts';
import type { ClientPort } from './services/client-port.ts';
import { CompactionService, type CompactionParts } from './services/compaction-service.ts';
import { Environments } from './services/environments.ts';
import { EventHub, type EventHubParts } from './services/event-hub.ts';
import { ListStream } from './services/list-stream.ts';
import { ProtectionChanges } from './services/protection-changes.ts';
import { KeyRing } from './services/provider-keys.ts';
import { SaveService } from './services/save-service.ts';
import { SessionCount } from './services/session-count.ts';
import { SessionService } from './services/session-service.ts';
import { SessionWriter } from './services/session-writer.ts';
import { StoreAccess } from './services/store-access.ts';
import { TurnRevival } from './services/turn-revival.ts';
import { TurnService } from './services/turn-service.ts';
import { UsageService } from './services/usage-service.ts';
import { buildSnapshots, type SnapshotRoom } from './snapshot-parts.ts';
import { ToolThread } from './tools/tool-thread.ts';
import { startWatchedVault } from './watched-vault.ts';

/** How long the configuration file is waited for when somebody asks how the daemon does. */
const CONFIGURATION_LOOK_MS = 500;

interface Built extends Services {
  readonly writer: SessionWriter;
  readonly count: SessionCount;
  readonly room: SnapshotRoom;
}

/** Starts the vault thread and connects everything. The store is opened when the first client comes. */
export async function buildDaemon(context: DaemonContext): Promise<Daemon> {
  const configuration = await ConfigurationStore.open(context.configPath);
  context.setLogLevel(configuration.current.logLevel);
  return new RunningDaemon(context, connect(context, configuration));
}

/** What tells the agent what to do is not for the agent to change. */
function personalFiles(configPath: string): string[] {
  const directory = dirname(configPath);
  return [configPath, ...['AGENTS.md', 'system-prompt.md', 'agents'].map((name) => join(directory, name))];
}

function makeTools(context: DaemonContext, report: Report): ToolThread {
  return new ToolThread({
    settings: { sealed: [context.dataDir], guarded: personalFiles(context.configPath) },
    onUnexpected: (name, stack) => {
      const error = new Error('unexpected');
      error.stack = stack;
      report(`tools.${name}`, error);
    },
  });
}

function makeHub(parts: Omit<EventHubParts, 'onFailure'>, { log }: DaemonContext, report: Report): EventHub {
  return new EventHub({
    ...parts,
    onFailure: (sessionId, error) => {
      log.warn('stream ended', { sessionId, traceId: report('stream', error) });
    },
  });
}

function connect(context: DaemonContext, configuration: ConfigurationStore): Built {
  const report = reporter(context.log);
  const protections = new ProtectionChanges();
  const vault = protections.noticing(startWatchedVault(context, report));
  const clock = systemClock();
  const count = new SessionCount(vault);
  const sessionsChanged = (): void => void count.refresh();
  const tools = makeTools(context, report);
  const briefings = new Briefings(tools, new Instructions(context.configPath));
  const registry = new AgentRegistry(configuration, { tools, briefings, clock });
  const keys = new KeyRing(vault);
  const configurationRead = (): void => {
    keys.announceChange();
    context.setLogLevel(configuration.current.logLevel);
  };
  const approvals = new ApprovalService(vault, clock);
  const hub = makeHub({ vault, clock, approvals }, context, report);
  const lists = new ListStream();
  const room = buildSnapshots(context, { configuration, vault, clock, report, protections });
  const writer = new SessionWriter({
    vault,
    hub,
    clock,
    onHead: (head) => {
      turns.headChanged(head);
      sessions.changed(head);
    },
  });
  const turns: TurnService = new TurnService({
    tools,
    agents: briefings,
    approvals,
    snapshots: room.keeper,
    files: room.files,
    vault,
    hub,
    writer,
    clock,
    registry,
    keys,
    sessionsChanged,
    recovery: () => configuration.current.recovery,
    defaultMode: () => configuration.current.mode,
    report: (error) => report('turn', error),
  });
  const sessions: SessionService = new SessionService({
    vault,
    hub,
    writer,
    turns,
    registry,
    agents: briefings,
    tools,
    clock,
    lists,
    files: room.files,
    sessionsChanged,
  });
  const saves = new SaveService({ vault, hub, turns, sessions, clock });
  const access = makeAccess({ vault, hub, room, turns, count });
  const others = serveTurns({ vault, writer, clock, registry, keys, turns, sessions, configuration, room });
  const work = { tools, briefings, approvals, environments: new Environments(), ...others };
  const stores = { vault, access, count, configuration, configurationRead };
  const agents = { registry, keys, ...work };
  return { ...stores, ...agents, hub, lists, turns, sessions, saves, writer };
}

/** Files are whole again before a turn goes on that works with them. */
function makeAccess(parts: Pick<Built, 'vault' | 'hub' | 'room' | 'turns' | 'count'>): StoreAccess {
  const { vault, hub, room, turns, count } = parts;
  return new StoreAccess({
    vault,
    onOpened: async (store) => {
      hub.opened(store);
      await Promise.all([room.recover().then(() => turns.recover()), count.refresh()]);
      room.pruning.begin();
    },
  });
}

/** What people ask for beside giving prompts. */
function serveTurns(
  parts: CompactionParts & { configuration: ConfigurationStore; room: SnapshotRoom; sessions: SessionService },
) {
  const { vault, writer, turns, configuration, room } = parts;
  return {
    room,
    workspaces: room.workspaces,
    keeper: room.keeper,
    snapshots: room.snapshots,
    pruning: room.pruning,
    restores: room.restoresOf(turns),
    relinking: room.relinkingOf(parts),
    revival: new TurnRevival({ vault, writer, runnerOf: (head) => turns.runnerOf(head) }),
    compaction: new CompactionService(parts),
    usage: new UsageService(vault, (model, used) => costOf(configuration.current.models, model, used)),
  };
}

class RunningDaemon implements Daemon {
  readonly routes: Daemon['routes'];
  readonly #context: DaemonContext;
  readonly #parts: Built;
  readonly #clients = new Set<ClientPort>();
  #draining = false;

  constructor(context: DaemonContext, parts: Built) {
    this.#context = context;
    this.#parts = parts;
    this.routes = serviceRoutes(parts);
  }

  helloFacts(): ReturnType<Daemon['helloFacts']> {
    const { access, registry } = this.#parts;
    const { identity, status } = access;
    return { store: identity, key: status.state, draining: this.#draining, keyVariables: registry.keyVariables() };
  }

  async status(): Promise<DaemonStatus> {
    await this.#lookAtConfiguration();
    const { access, turns, configuration, writer, pruning } = this.#parts;
    const context = this.#context;
    const { announcedFor } = pruning;
    const activity = turns.activity();
    const reason = writer.unsavedReason;
    return {
      running: true,
      pid: process.pid,
      version: context.build.version,
      build: context.build.id,
      protocol: PROTOCOL.max,
      dataDir: context.dataDir,
      socket: context.endpoint.socketPath,
      startedAt: context.startedAt,
      keyProvider: access.status.provider,
      keyState: access.status.state,
      clients: this.#clients.size,
      sessions: this.#parts.count.value,
      runningTurns: activity.running,
      waitingTurns: activity.waiting,
      draining: this.#draining,
      configProblems: [...configuration.problems],
      storage: { state: reason === undefined ? 'saved' : 'unsaved', reason: reason ?? '' },
      rssBytes: process.memoryUsage.rss(),
      ...(announcedFor === undefined ? {} : { snapshotsGoAt: new Date(announcedFor).toISOString() }),
    };
  }

  wishKey(wish: Parameters<Daemon['wishKey']>[0]): void {
    this.#parts.access.wish(wish);
  }

  async requireKey(): Promise<void> {
    await this.#parts.access.require();
  }

  connected(client: ClientPort): void {
    this.#clients.add(client);
    client.onClose(() => {
      this.#clients.delete(client);
    });
  }

  activity(): ReturnType<Daemon['activity']> {
    const { turns, tools, room } = this.#parts;
    // A command that goes on in the background would be missed.
    return { ...turns.activity(), idle: turns.idle && room.holds.idle && tools.background().length === 0 };
  }

  idleExitMs(): number {
    const minutes = this.#parts.configuration.current.idleExitMinutes;
    return minutes === 0 ? Infinity : minutes * 60_000;
  }

  async drain(options: DrainOptions): Promise<void> {
    this.#draining = true;
    const { turns, tools, room, vault } = this.#parts;
    const deadline = Promise.withResolvers<'late'>();
    const timer = setTimeout(deadline.resolve, options.deadlineMs, 'late');
    const end = await Promise.race([turns.leave(options.deliberate ? 'stopped' : 'paused'), deadline.promise]);
    clearTimeout(timer);
    await tools.close();
    room.pruning.end();
    await room.workspaces.close();
    await vault.close();
    if (end === 'late') throw new ProtocolError('DEADLINE', 'turns did not come to rest in time');
  }

  /** Waits no longer for a file system that hangs: the answer then says what was known before. */
  async #lookAtConfiguration(): Promise<void> {
    const { configuration, configurationRead } = this.#parts;
    const deadline = Promise.withResolvers<void>();
    const timer = setTimeout(deadline.resolve, CONFIGURATION_LOOK_MS);
    const look = configuration.reloadIfChanged().then((wasRead) => {
      if (wasRead) configurationRead();
    });
    await Promise.race([look, deadline.promise]);
    clearTimeout(timer);
  }

  async reloadConfig(): Promise<void> {
    await this.#parts.configuration.reload();
    this.#parts.configurationRead();
  }
}
