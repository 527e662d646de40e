/** What a row of the bench yields, and the statistics behind it: medians of rounds, with their range. */

/** One line of the table. */
export interface Figure {
  readonly what: string;
  /** With its unit. */
  readonly measured: string;
  /** What it is compared with, measured in the same rounds; with its unit. */
  readonly baseline?: string;
  /** Ratio, difference or time that the budget limits, with the range over the rounds. */
  readonly result?: string;
  /** As in DESIGN §12; absent for a figure that only explains others. */
  readonly budget?: string;
  readonly isMet?: boolean;
}

/** One subject of the bench. It cleans up after itself. */
export interface Row {
  /** As on the command line. */
  readonly name: string;
  readonly title: string;
  /** How it is measured, in a few sentences. */
  readonly method: string;
  /** Takes many minutes: measured only when it is named. */
  readonly isLong?: boolean;
  run(): Promise<Figure[]>;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const low = sorted[Math.floor(position)] ?? Number.NaN;
  const high = sorted[Math.ceil(position)] ?? Number.NaN;
  return low + (high - low) * (position - Math.floor(position));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Ratios of two series that were measured in the same rounds. */
export function ratios(measured: readonly number[], baseline: readonly number[]): number[] {
  return measured.map((value, round) => value / (baseline[round] ?? Number.NaN));
}

/** `1.31 × (1.22–1.47)`: the median, and the range in which the middle half of the rounds lies. */
export function timesText(values: readonly number[]): string {
  return `${median(values).toFixed(2)} × (${quantile(values, 0.25).toFixed(2)}–${quantile(values, 0.75).toFixed(2)})`;
}

/** `0.19 ms (0.18–0.22)`. */
export function rangeText(values: readonly number[], unit: string, digits = 2): string {
  const [low, high] = [quantile(values, 0.25), quantile(values, 0.75)];
  return `${median(values).toFixed(digits)} ${unit} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

/** A figure whose budget is a ratio to its baseline. */
export function ratioFigure(
  what: string,
  measured: readonly number[],
  baseline: readonly number[],
  options: { unit: string; digits?: number; limit?: number; budget?: string },
): Figure {
  const all = ratios(measured, baseline);
  const { unit, digits = 3, limit, budget } = options;
  return {
    what,
    measured: `${median(measured).toFixed(digits)} ${unit}`,
    baseline: `${median(baseline).toFixed(digits)} ${unit}`,
    result: timesText(all),
    ...(limit === undefined ? {} : { budget: budget ?? `≤ ${limit} ×`, isMet: median(all) <= limit }),
  };
}

/** A figure whose budget is a plain number. */
export function limitFigure(
  what: string,
  values: readonly number[],
  options: { unit: string; digits?: number; limit?: number },
): Figure {
  const { unit, digits = 1, limit } = options;
  return {
    what,
    measured: rangeText(values, unit, digits),
    ...(limit === undefined ? {} : { budget: `≤ ${limit} ${unit}`, isMet: median(values) <= limit }),
  };
}

/** A figure of memory. */
export function megabytes(what: string, value: number, limit?: number): Figure {
  const measured = `${value.toFixed(0)} MB`;
  return limit === undefined ? { what, measured } : { what, measured, budget: `≤ ${limit} MB`, isMet: value <= limit };
}
