// The numbers behind the chart of executions.

// A run that took no time still has a bar.
const LOWEST = 2;

/** The middle and the 95th of a hundred, of times in milliseconds. */
export function quantiles(times: readonly number[]): { p50: number; p95: number } {
  const sorted = [...times].sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1))] ?? 0;
  return { p50: at(0.5), p95: at(0.95) };
}

/** Height of a bar: 0 for 0.1 ms, all of it for the longest. */
export function barHeight(time: number, longest: number, height: number): number {
  const log = (value: number) => Math.log10(Math.max(value, 0.1) / 0.1);
  return longest <= 0.1 ? LOWEST : Math.max(LOWEST, (log(time) / log(longest)) * height);
}
