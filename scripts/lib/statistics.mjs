// Quantiles of measurements, and how sure a median is.
const sorted = (numbers) => [...numbers].sort((a, b) => a - b);

export function quantile(numbers, q) {
  const all = sorted(numbers);
  return all[Math.min(all.length - 1, Math.floor(q * all.length))];
}

export function median(numbers) {
  const all = sorted(numbers);
  return (all[Math.floor((all.length - 1) / 2)] + all[Math.ceil((all.length - 1) / 2)]) / 2;
}

// 95% interval of the median by bootstrap; the generator has a seed, so that the interval is the same for the same
// figures.
export function medianInterval(numbers) {
  let state = 12345;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const medians = Array.from({ length: 2000 }, () =>
    median(numbers.map(() => numbers[Math.floor(random() * numbers.length)])),
  );
  return [quantile(medians, 0.025), quantile(medians, 0.975)];
}

// Of times: the middle, and how bad the worst of twenty and of a hundred are.
export const spread = (numbers) => ({
  median: median(numbers),
  p95: quantile(numbers, 0.95),
  p99: quantile(numbers, 0.99),
  most: Math.max(...numbers),
});
