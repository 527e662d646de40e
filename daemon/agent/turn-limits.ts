/** Ends a turn that has used up what it may, or that goes round in circles. */
import { createHash } from 'node:crypto';
import { ProtocolError } from '../../protocol/errors.ts';
import type { LoopSettings } from './loop-settings.ts';

/** The same calls with the same results, so often in a row, are told to the model … */
const WARN_AT = 3;
/** … and end the turn. */
const END_AT = 6;
/** How long a command took, as its result says at the end; the same command takes another time each time. */
const DURATION = /(?<=^\[.{1,60}) after [\d.]+ s(?=\]$)/gm;

export class TurnLimits {
  readonly #settings: LoopSettings;
  readonly #activeMs: () => number;
  #resultBytes = 0;
  #last = '';
  #repeated = 0;

  /** @param activeMs how long the turn has worked, in milliseconds. */
  constructor(settings: LoopSettings, activeMs: () => number) {
    this.#settings = settings;
    this.#activeMs = activeMs;
  }

  /**
   * Before a model is asked again.
   * @param step from 1.
   * @throws ProtocolError LIMIT_REACHED
   */
  beforeStep(step: number): void {
    const { maxSteps, maxTurnMs, maxResultBytes } = this.#settings;
    if (step > maxSteps) {
      throw reached(`the turn has taken ${maxSteps} steps, which is the limit`, 'max_steps');
    }
    if (this.#activeMs() > maxTurnMs) {
      throw reached(
        `the turn has worked for ${Math.round(maxTurnMs / 60_000)} minutes, which is the limit`,
        'max_turn_minutes',
      );
    }
    if (this.#resultBytes > maxResultBytes) {
      const megabytes = Math.round(maxResultBytes / 1024 / 1024);
      throw reached(
        `tools have given the model more than ${megabytes} MB in this turn, which is the limit`,
        'max_result_megabytes',
      );
    }
    if (this.#repeated >= END_AT) {
      throw new ProtocolError(
        'LIMIT_REACHED',
        `the model made the same call with the same result ${END_AT} times in a row`,
        {
          hint: 'Say what it should do instead, or /continue to let it go on.',
        },
      );
    }
  }

  /**
   * After the calls of a step.
   * @param calls names, arguments and results, in order.
   * @returns what the model should be told when it repeats itself; undefined otherwise.
   */
  afterCalls(
    calls: readonly { readonly name: string; readonly args: string; readonly output: string }[],
  ): string | undefined {
    const hash = createHash('sha256');
    for (const { name, args, output } of calls) {
      this.#resultBytes += Buffer.byteLength(output);
      hash.update(JSON.stringify([name, args, output.replaceAll(DURATION, '')]));
    }
    const digest = hash.digest('base64');
    this.#repeated = digest === this.#last ? this.#repeated + 1 : 1;
    this.#last = digest;
    if (this.#repeated < WARN_AT) return undefined;
    return `This is the same call with the same result for the ${ordinal(this.#repeated)} time. Do something else, or answer.`;
  }
}

function reached(message: string, setting: string): ProtocolError {
  return new ProtocolError('LIMIT_REACHED', message, {
    hint: `/continue lets it go on from here; ${setting} in the configuration changes the limit.`,
  });
}

function ordinal(count: number): string {
  return count === 3 ? '3rd' : `${count}th`;
}
