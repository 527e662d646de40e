/** What both commands do around their frontends: the version line, the exit code, the last resort for a defect. */
import { BUILD } from '../../protocol/version.ts';

/** A frontend: resolves to the exit code. */
export type Main = (argv: string[]) => Promise<number>;

/** Whether a command line asks for nothing but the version. */
export function asksForVersion(argv: readonly string[]): boolean {
  return argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V');
}

/** This copy's own version; no daemon is asked. */
export function versionLine(program: string): string {
  return `${program} ${BUILD.version} (build ${BUILD.id})\n`;
}

/** Runs a frontend and makes its result the exit code of the process. */
export async function runMain(program: string, load: () => Promise<Main>, argv: string[]): Promise<void> {
  try {
    const main = await load();
    process.exitCode = await main(argv);
  } catch (error) {
    const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${program}: unexpected error\n${trace}\n  This is a defect of m; please report it.\n`);
    process.exitCode = 1;
  }
}
