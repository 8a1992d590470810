/** The activations in f64. erf by its series near zero and its continued fraction far out: 1e-15. */
export const activations = {
  none: (x: number): number => x,
  relu: (x: number): number => Math.max(x, 0),
  gelu: (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  silu: (x: number): number => x / (1 + Math.exp(-x)),
  sigmoid: (x: number): number => 1 / (1 + Math.exp(-x)),
};

export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 2.5) {
    let term = a;
    let sum = a;
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = a;
  for (let n = 60; n >= 1; n--) fraction = a + n / 2 / fraction;
  return Math.sign(x) * (1 - Math.exp(-a * a) / (fraction * Math.sqrt(Math.PI)));
}
