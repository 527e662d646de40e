/** Everything that works on an open and unlocked database, put together. */
import type { Db } from './database.ts';
import { DraftStore } from './drafts.ts';
import { EnvironmentStore } from './environments.ts';
import { Eraser } from './eraser.ts';
import { HeadCheck } from './head-check.ts';
import { Lister } from './lister.ts';
import { Log } from './log.ts';
import { LogReader } from './log-reader.ts';
import { LogVerifier } from './log-verifier.ts';
import { OperationStore } from './operations.ts';
import { OutputStore } from './outputs.ts';
import { OutputVerifier } from './output-verifier.ts';
import { ProcessStore } from './processes.ts';
import { PromptQueue } from './prompt-queue.ts';
import { Recency } from './recency.ts';
import { RuleStore } from './rules.ts';
import { SaveStore } from './saves.ts';
import { SegmentStore } from './segments.ts';
import { SegmentUses } from './segment-uses.ts';
import { SessionStore } from './sessions.ts';
import type { StoreKeys } from './keys/store-keys.ts';
import { SecretStore } from './secrets.ts';
import { Transaction } from './transaction.ts';
import { Relinker } from './relinker.ts';
import { RestVerifier } from './rest-verifier.ts';
import { TypedLines } from './typed-lines.ts';
import { Verifier } from './verifier.ts';
import { WorkspaceKeyStore } from './workspace-keys.ts';
import { WorkspaceStore } from './workspaces.ts';

export interface OpenStore {
  readonly db: Db;
  readonly transaction: Transaction;
  readonly backupDirectory: string;
  readonly sessions: SessionStore;
  readonly saves: SaveStore;
  readonly drafts: DraftStore;
  readonly queue: PromptQueue;
  readonly log: Log;
  readonly reader: LogReader;
  readonly lister: Lister;
  readonly recency: Recency;
  readonly headCheck: HeadCheck;
  readonly operations: OperationStore;
  readonly secrets: SecretStore;
  readonly typedLines: TypedLines;
  readonly outputs: OutputStore;
  readonly environments: EnvironmentStore;
  readonly processes: ProcessStore;
  readonly rules: RuleStore;
  readonly workspaceKeys: WorkspaceKeyStore;
  readonly relinker: Relinker;
  readonly eraser: Eraser;
  readonly verifier: Verifier;
  readonly restVerifier: RestVerifier;
  /** Drops what is remembered of rows that a rollback took back. */
  forgetAll(): void;
  /** Takes the open transaction back, and what was remembered of it. */
  rollBack(): void;
}

export function assembleStore(db: Db, keys: StoreKeys, backupDirectory: string): OpenStore {
  const recency = new Recency(db);
  const workspaces = new WorkspaceStore(db, keys);
  const segments = new SegmentStore(db, keys);
  const uses = new SegmentUses(db);
  const sessions = new SessionStore(db, keys, { segments, uses, workspaces });
  const saves = new SaveStore(db, keys, uses, workspaces);
  const drafts = new DraftStore(db, keys);
  const queue = new PromptQueue(db, keys, (id) => sessions.load(id));
  const outputs = new OutputStore(db, keys, { segments, sessions });
  const environments = new EnvironmentStore(db, keys);
  const processes = new ProcessStore(db, keys);
  const rules = new RuleStore(db, keys, { sessions, workspaces });
  const workspaceKeys = new WorkspaceKeyStore(db, keys, workspaces);
  const operations = new OperationStore(db, keys);
  const secrets = new SecretStore(db, keys);
  const typedLines = new TypedLines(db, keys, sessions);
  const headCheck = new HeadCheck(recency, sessions);
  const log = new Log({ keys, segments, sessions, saves, drafts, queue, environments });
  const stores = { sessions, saves, drafts, queue, log, outputs, environments, processes, rules };
  const others = { operations, secrets, typedLines, workspaceKeys };
  const checks = { logs: new LogVerifier(db, segments), outputVerifier: new OutputVerifier(db, outputs) };
  const forgetAll = (): void => {
    sessions.forgetAll();
    segments.forgetAll();
    saves.forgetAll();
    workspaces.reload();
    outputs.forgetAll();
  };
  return {
    db,
    transaction: new Transaction(db),
    backupDirectory,
    ...stores,
    ...others,
    reader: new LogReader(db, segments),
    lister: new Lister(recency, sessions, workspaces, headCheck),
    recency,
    headCheck,
    relinker: new Relinker(db, keys, { sessions, saves, rules, workspaces, workspaceKeys }),
    eraser: new Eraser(db, { ...stores, segments, uses, workspaces }),
    verifier: new Verifier(db, { ...stores, ...checks, workspaces }),
    restVerifier: new RestVerifier(db, { ...others, ...checks, saves, rules, workspaces }),
    forgetAll,
    rollBack: () => {
      if (db.inTransaction) db.exec('ROLLBACK');
      forgetAll();
    },
  };
}
