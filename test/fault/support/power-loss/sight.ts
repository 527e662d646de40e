/** Looks at everything that is in a store, and holds it against what must be there. */
import { ProtocolError } from '../../../../protocol/errors.ts';
import type { VaultPort } from '../../../../daemon/services/ports.ts';
import { digest, headText, type PlannedCall, type Sight } from './plan.ts';

const EVERYTHING = { limit: 100_000, maxBytes: 1e9 };

/** @param secrets names that are looked up. @throws what the vault throws: nothing here may be damaged. */
export async function look(vault: VaultPort, secrets: readonly string[]): Promise<Sight> {
  const sight: Sight = {};
  const { heads } = await vault.list({ archived: 'include', limit: 500 });
  for (const { id } of heads) {
    const head = await vault.head(id);
    const { entries } = await vault.read({ sessionId: id, after: 0, ...EVERYTHING });
    sight[`head ${id}`] = headText(head);
    sight[`log ${id}`] = digest(entries);
    if (entries.length !== head.lastSeq) throw new Error(`${id} has ${entries.length} entries of ${head.lastSeq}`);
    const queue = await vault.readQueue(id);
    if (queue.length > 0) {
      sight[`queue ${id}`] = JSON.stringify(
        queue.map(({ opId, body, turn, cancelled }) => ({ opId, body, turn, cancelled })),
      );
    }
    const drafts = await vault.readDrafts(id);
    if (drafts.length > 0) sight[`drafts ${id}`] = drafts.map(({ text }) => text).join('');
    const { problems } = await vault.verify(id);
    if (problems.length > 0) throw new Error(`${id} does not verify: ${problems.join('; ')}`);
  }
  const { saves } = await vault.listSaves(500, 0);
  for (const { id } of saves) {
    const { entries } = await vault.readSave(id, undefined, EVERYTHING.limit, EVERYTHING.maxBytes);
    sight[`save ${id}`] = digest(entries);
  }
  for (const name of secrets) {
    const value = await vault.secret(name);
    if (value !== null) sight[`secret ${name}`] = value;
  }
  const lines = await vault.history(500);
  if (lines.length > 0) sight['history'] = JSON.stringify(lines);
  return sight;
}

/** Names of the secrets that calls deal with. */
export function secretsOf(calls: Iterable<PlannedCall>): string[] {
  return [...calls].flatMap(({ method, args }) => (method === 'setSecret' ? [String(args[0])] : []));
}

/**
 * What is wrong with a sight, in sentences: acknowledged calls that are missing, calls that were never made, and calls of
 * which one half is there.
 */
export function compare(sight: Sight, begun: readonly PlannedCall[], acknowledged: ReadonlySet<number>): string[] {
  const problems: string[] = [];
  const versions = new Map<string, { call: number; value: string | null }[]>();
  for (const { number, changes } of begun) {
    for (const [what, value] of Object.entries(changes)) {
      const known = versions.get(what) ?? [{ call: -1, value: null }];
      if (known.at(-1)?.value !== value || acknowledged.has(number)) known.push({ call: number, value });
      versions.set(what, known);
    }
  }
  /** Calls that are certainly there, and that certainly are not. */
  const seen = new Set<number>();
  const unseen = new Set<number>();
  for (const [what, known] of versions) {
    const value = sight[what] ?? null;
    const last = known.findLastIndex(({ call }) => call === -1 || acknowledged.has(call));
    const found = known.findIndex((version, index) => index >= last && version.value === value);
    if (found === -1) {
      const older = known.findLast((version) => version.value === value);
      problems.push(`${what} is ${older === undefined ? 'something else' : `as after call ${older.call}`}`);
      continue;
    }
    known.forEach(({ call }, index) => (index <= found ? seen : unseen).add(call));
  }
  for (const what of Object.keys(sight)) if (!versions.has(what)) problems.push(`${what} is there unasked`);
  for (const call of seen) if (unseen.has(call)) problems.push(`call ${call} is half there`);
  return problems;
}

/** A description of what was thrown while looking. */
export function explain(error: unknown): string {
  return error instanceof ProtocolError ? `${error.kind}: ${error.message}` : String(error);
}
