/** `mctl doctor`: looks at everything that can be broken, with the daemon up or down. */
import { EXIT, failureOf } from '../../command-line/failure.ts';
import { harmlessLine } from '../../command-line/harmless-text.ts';
import { paintFor, type Ink } from '../../command-line/style.ts';
import { askDaemon } from '../../connection/daemon-control.ts';
import { locate } from '../../connection/locations.ts';
import type { MctlContext } from '../context.ts';
import type { Verb } from '../verb.ts';
import { checkConfiguration } from './configuration.ts';
import { checkDaemon } from './daemon.ts';
import { checkDirectories } from './directories.ts';
import { checkDisk } from './disk.ts';
import { broken, type Check, type Finding, type Patient } from './finding.ts';
import { checkKey } from './key.ts';
import { checkLogs } from './logs.ts';
import { checkNode } from './node.ts';
import { checkProcess } from './process.ts';
import { checkSnapshots } from './snapshots.ts';
import { checkSocket } from './socket.ts';
import { checkStarts } from './starts.ts';
import { checkStore } from './store.ts';
import { thisSystem } from './system.ts';

const CHECKS: Readonly<Record<string, Check>> = {
  node: checkNode,
  directories: checkDirectories,
  disk: checkDisk,
  daemon: checkDaemon,
  process: checkProcess,
  socket: checkSocket,
  starts: checkStarts,
  store: checkStore,
  key: checkKey,
  snapshots: checkSnapshots,
  configuration: checkConfiguration,
  log: checkLogs,
};

/** Of the names of the checks. */
const WIDTH = 16;

const SIGNS: Record<Finding['state'], readonly [sign: string, ink: Ink]> = {
  ok: ['ok    ', 'green'],
  note: ['note  ', 'yellow'],
  broken: ['BROKEN', 'red'],
};

export const doctor: Verb<{ readonly json?: boolean }> = async ({ context }) => {
  const patient = await examine(context);
  const findings: Finding[] = [];
  for (const [name, check] of Object.entries(CHECKS)) findings.push(...(await run(name, check, patient)));
  const isWell = findings.every(({ state }) => state !== 'broken');
  if (context.isJson) context.json({ ok: isWell, findings });
  else print(context, findings, isWell);
  return isWell ? EXIT.ok : EXIT.failed;
};

async function examine(context: MctlContext): Promise<Patient> {
  const { environment } = context.around;
  const locations = locate(environment);
  try {
    return { context, locations, system: thisSystem, daemon: await askDaemon({ environment }), silence: undefined };
  } catch (error) {
    return { context, locations, system: thisSystem, daemon: undefined, silence: error };
  }
}

/** A check that fails itself is a finding, and the others are still made. */
async function run(name: string, check: Check, patient: Patient): Promise<Finding[]> {
  try {
    return await check(patient);
  } catch (error) {
    const { message, hint } = failureOf(error);
    return [broken(name, message, hint)];
  }
}

function print(context: MctlContext, findings: readonly Finding[], isWell: boolean): void {
  const paint = paintFor(context.stdout, context.around.environment);
  for (const { check, state, message, fix } of findings) {
    const [sign, ink] = SIGNS[state];
    context.stdout.line(`${paint(ink, sign)}  ${check.padEnd(WIDTH)} ${harmlessLine(message)}`);
    if (fix !== '') context.stdout.line(`${' '.repeat(8 + WIDTH + 1)}${harmlessLine(fix)}`);
  }
  context.stdout.line(verdict(findings, isWell));
}

/** Of what nobody has looked at, nobody knows. */
function verdict(findings: readonly Finding[], isWell: boolean): string {
  const unseen = findings.filter((finding) => finding.unseen === true).map(({ check }) => check);
  const what = isWell ? 'nothing is broken' : 'something is broken; what to do stands below each finding';
  if (unseen.length === 0) return what;
  const rest = `not looked at: ${[...new Set(unseen)].join(', ')}; \`mctl daemon start\` and look again`;
  return isWell ? `nothing is broken in what was looked at; ${rest}` : `${what}; ${rest}`;
}
