/** Runs a plan under strace and replays the trace: at every moment the power goes, and what is left is opened and judged. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { AppendRequest, VaultPort } from '../../../../daemon/services/ports.ts';
import { createKeyFile, keyFileOf } from '../../../../daemon/vault/keys/key-file.ts';
import { firstTurn, nextTurn, openedVault } from '../../../support/direct-vault.ts';
import type { Chance } from '../seeded.ts';
import { Disk, FATES, type Fate, type Image } from './disk.ts';
import type { Plan, PlannedCall, Sight } from './plan.ts';
import { compare, explain, look, secretsOf } from './sight.ts';
import { readTrace, traced, type TraceEvent } from './trace.ts';

const CHILD = join(import.meta.dirname, 'plan-child.ts');
const STDOUT = 1;

export interface Recording {
  readonly calls: readonly PlannedCall[];
  readonly events: readonly TraceEvent[];
  readonly root: string;
  /** What was there before. */
  readonly files: Image;
}

export interface RecordOptions {
  readonly synchronous?: 'FULL' | 'NORMAL' | 'OFF';
  /** The key file is there before the store, as after a first start that was interrupted. */
  readonly keyFile?: boolean;
  /** What goes wrong, as strace is told it. */
  readonly inject?: string;
}

export interface Verdict {
  readonly images: number;
  /** Images of which something acknowledged was missing, doubled, half there or unreadable, with what was wrong. */
  readonly failures: readonly string[];
}

/** Carries a plan out under strace. */
export function record(plan: Plan, options: RecordOptions = {}): Recording {
  const { synchronous = 'FULL', keyFile = false, inject } = options;
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'mp')));
  try {
    const root = join(directory, 'd');
    const [planFile, trace] = [join(directory, 'plan.json'), join(directory, 'trace')];
    mkdirSync(root, { mode: 0o700 });
    writeFileSync(planFile, JSON.stringify(plan));
    const files = new Map<string, Buffer>();
    if (keyFile) {
      createKeyFile(keyFileOf(root));
      files.set('key', readFileSync(keyFileOf(root)));
    }
    const [program = '', ...args] = traced(trace, [process.execPath, CHILD, planFile, root, synchronous], inject);
    const env = { PATH: process.env['PATH'] };
    const { status, stderr } = spawnSync(program, args, { env, encoding: 'utf8', timeout: 120_000 });
    if (status !== 0) throw new Error(`the plan could not be carried out: ${stderr}`);
    return { calls: plan.steps.flat(), events: readTrace(trace), root, files };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Moment {
  readonly event: number;
  readonly fate: Fate;
}

/**
 * @param limit how many images are judged at most; they are drawn from all moments and fates.
 * @param fates which of them.
 */
export async function judge(
  recording: Recording,
  chance: Chance,
  limit: number,
  fates: readonly Fate[] = FATES,
): Promise<Verdict> {
  const chosen = choose(recording, chance, limit, fates);
  const disk = new Disk(recording.root, recording.files);
  const progress = new Progress(recording.calls);
  const known = new Set<string>();
  const failures: string[] = [];
  for (const [index, event] of recording.events.entries()) {
    progress.read(event);
    disk.apply(event);
    for (const fate of chosen.get(index) ?? []) {
      const image = disk.image(fate, chance);
      const name = `${hashOf(image)} ${progress.acknowledged.size}`;
      if (known.has(name)) continue;
      known.add(name);
      const problems = await judgeImage(image, progress, chance);
      if (problems.length > 0) failures.push(`event ${index}, ${fate}: ${problems.slice(0, 3).join('; ')}`);
    }
  }
  return { images: known.size, failures };
}

/** Every acknowledgement with nothing that was not synced, and of the rest as many as there is time for. */
function choose(recording: Recording, chance: Chance, limit: number, fates: readonly Fate[]): Map<number, Fate[]> {
  const disk = new Disk(recording.root, recording.files);
  const moments: (Moment & { place: number })[] = [];
  for (const [event, happened] of recording.events.entries()) {
    const changed = disk.apply(happened);
    const said = happened.kind === 'write' && happened.fd === STDOUT;
    for (const fate of fates) {
      const isPromise = said && fate === 'none' && happened.data.includes('done');
      if (changed || said) moments.push({ event, fate, place: isPromise ? chance.next() - 1 : chance.next() });
    }
  }
  moments.sort((left, right) => left.place - right.place);
  const chosen = new Map<number, Fate[]>();
  for (const { event, fate } of moments.slice(0, limit)) chosen.set(event, [...(chosen.get(event) ?? []), fate]);
  return chosen;
}

/** How far the plan has come, as its own output says. */
class Progress {
  readonly begun: PlannedCall[] = [];
  readonly acknowledged = new Set<number>();
  readonly #calls: ReadonlyMap<number, PlannedCall>;

  constructor(calls: readonly PlannedCall[]) {
    this.#calls = new Map(calls.map((call) => [call.number, call]));
  }

  get secrets(): string[] {
    return secretsOf(this.#calls.values());
  }

  read(event: TraceEvent): void {
    if (event.kind !== 'write' || event.fd !== STDOUT) return;
    for (const line of event.data.toString('utf8').split('\n')) {
      const [word, number] = line.split(' ');
      const call = this.#calls.get(Number(number));
      if (word === 'begin' && call !== undefined) this.begun.push(call);
      if (word === 'done') this.acknowledged.add(Number(number));
    }
  }
}

async function judgeImage(image: Image, progress: Progress, chance: Chance): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'mi'));
  try {
    write(image, directory);
    const vault = await openedVault(directory);
    try {
      const sight = await look(vault, progress.secrets);
      const problems = compare(sight, progress.begun, progress.acknowledged);
      return problems.length > 0 ? problems : await goOn(vault, sight, progress, chance);
    } finally {
      await vault.close();
    }
  } catch (error) {
    return [explain(error)];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What has survived can be worked with: what was acknowledged is not done again, and new things are stored. */
async function goOn(vault: VaultPort, before: Sight, progress: Progress, chance: Chance): Promise<string[]> {
  const repeatable = progress.begun.filter(({ number, method, args }) => {
    if (!progress.acknowledged.has(number)) return false;
    if (method === 'deleteSession' || method === 'deleteSave') return true;
    const [request] = args as [{ sessionId?: string }];
    return (method === 'append' || method === 'enqueue') && `head ${request.sessionId}` in before;
  });
  const again = repeatable.at(-chance.between(1, 3)) ?? repeatable.at(-1);
  if (again !== undefined) {
    const { method, args } = again;
    const values = method === 'append' ? [{ ...(args[0] as AppendRequest), retried: true }] : args;
    await (vault[method] as (...all: readonly unknown[]) => Promise<unknown>)(...values);
    const problems = compare(await look(vault, progress.secrets), progress.begun, progress.acknowledged);
    if (problems.length > 0) return problems.map((problem) => `after repeating call ${again.number}: ${problem}`);
  }
  const { sessionId } = await vault.append(firstTurn('after the power came back'));
  await vault.append(nextTurn(sessionId, 2, 'and on'));
  const { problems } = await vault.verify(sessionId);
  return problems;
}

function write(image: Image, directory: string): void {
  for (const [path, content] of image) {
    mkdirSync(dirname(join(directory, path)), { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, path), content, { mode: 0o600 });
  }
}

function hashOf(image: Image): string {
  const hash = createHash('sha256');
  for (const [path, content] of [...image].sort(([left], [right]) => (left < right ? -1 : 1))) {
    hash.update(`${path} ${content.length}\n`).update(content);
  }
  return hash.digest('hex');
}
