// Axes: linear or logarithmic, with ticks at round numbers.
function niceStep(span, count) {
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999);
}

function linearTicks(low, high, count) {
  const step = niceStep(high - low || 1, count);
  const ticks = [];
  for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k++) ticks.push(k * step);
  return ticks;
}

function logTicks(low, high, count) {
  if (high / low < 2.5) return linearTicks(low, high, count);
  for (const factors of [[1, 1.5, 2, 3, 4, 5, 7], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]]) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const factor of factors) ticks.push(factor * 10 ** power);
    }
    const inside = ticks.filter((value) => value >= low * 0.999 && value <= high * 1.001);
    if (inside.length <= count + 1 || factors.length === 1) return inside;
  }
  return [];
}

function makeScale(low, high, from, to, log) {
  const f = log ? Math.log : (value) => value;
  const inverse = log ? Math.exp : (value) => value;
  const a = f(low);
  const slope = (to - from) / (f(high) - a || 1);
  const scale = (value) => from + (f(value) - a) * slope;
  scale.invert = (pixel) => inverse(a + (pixel - from) / slope);
  scale.ticks = (count) => (log ? logTicks(low, high, count) : linearTicks(low, high, count));
  scale.low = low;
  scale.high = high;
  return scale;
}

// The span of values with a margin; a logarithmic axis where the largest is over five times the smallest.
function extent(values, log) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!known(value) || (log && value <= 0)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return null;
  if (log) return [low / 1.12, high * 1.12];
  const margin = 0.06 * (high - low) || 0.05 * Math.abs(high) || 1;
  return [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
}

function wide(values) {
  const span = extent(values, true);
  return span !== null && span[1] / span[0] > 5 * 1.2544 && !values.some((value) => known(value) && value <= 0);
}
