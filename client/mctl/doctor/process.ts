/** Whether the daemon's process has what it needs: its program, and files that it may still open. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BUILD } from '../../../protocol/version.ts';
import { broken, note, ok, type Check, type Finding, type Patient } from './finding.ts';

/** What a daemon starts, beside the program of this one. */
const PROGRAMS = ['daemon.cjs', 'vault-worker.cjs', 'keychain-helper.cjs'];
const NEARLY_ALL = 0.9;
const FEW = 256;

export const checkProcess: Check = (patient) => [...installation(), ...running(patient)];

/** Sources have no programs beside them. */
function installation(): Finding[] {
  if (BUILD.id === 'source') return [];
  const missing = PROGRAMS.filter((name) => !existsSync(join(import.meta.dirname, name)));
  if (missing.length === 0) return [ok('installation', `m ${BUILD.version} (build ${BUILD.id})`)];
  const fix = 'Install the package again, or run `npm run build` in a clone.';
  return [broken('installation', `${missing.join(' and ')} cannot be found in ${import.meta.dirname}`, fix)];
}

function running({ daemon, system }: Patient): Finding[] {
  const facts = daemon === undefined ? undefined : system.process(daemon.pid);
  if (facts === undefined) return [];
  const findings: Finding[] = [];
  if (facts.isProgramGone) {
    const fix = 'Start it with the present one: `mctl daemon restart`.';
    findings.push(broken('process', `the Node that the daemon runs is gone from the disk: ${facts.program}`, fix));
  }
  const { openFiles, mayOpen } = facts;
  const raise = 'Raise the limit (`ulimit -n`) where you start m, then `mctl daemon restart`.';
  if (openFiles > mayOpen * NEARLY_ALL)
    findings.push(broken('open files', `the daemon has ${openFiles} of ${mayOpen} files open`, raise));
  else if (mayOpen < FEW) findings.push(note('open files', `the daemon may open only ${mayOpen} files`, raise));
  return findings;
}
