// Data and words.
const data = JSON.parse(byId("data").textContent);
const rows = data.rows;
const metric = data.metric;
const size = rows.run.length;

const known = (value) => value !== null && value !== undefined;
const percent = (value, decimals = 1) => (known(value) ? `${(100 * value).toFixed(decimals)}%` : "–");

function digits(value, count = 3) {
  if (!known(value)) return "–";
  if (value === 0) return "0";
  const decimals = Math.max(0, count - 1 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 6));
}

function amount(value) {
  if (!known(value)) return "–";
  for (const [unit, name] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= unit) return digits(value / unit) + name;
  }
  return String(value);
}

function tick(value) {
  for (const [unit, name] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= unit) return Number((value / unit).toPrecision(4)) + name;
  }
  return String(Number(value.toPrecision(4)));
}

const isReference = (row) => rows.reference[row] === 1;
const nameOf = (row) => (isReference(row) ? rows.name[row] : `#${rows.number[row]}`);
const titleOf = (row) => (data.runs.length > 1 ? `${data.runs[rows.run[row]].name} ${nameOf(row)}` : nameOf(row));
const blocksOf = (row) => rows.blocks[row].map((index) => data.blocks[index]);

const metricDigits = (value) => (metric.factor * value).toFixed(metric.decimals);
const metricValue = (value) => (known(value) ? metricDigits(value) + metric.unit : "–");
const metricTick = (value) => Number((metric.factor * value).toPrecision(4)) + metric.unit;
const metricGain = (row) => (metric.maximize ? 1 : -1) * rows[metric.key][row];

function metricWords(row) {
  const value = metricValue(rows[metric.key][row]);
  const [low, high] = [rows[metric.low][row], rows[metric.high][row]];
  return known(low) ? `${value} (${metricDigits(low)}–${metricDigits(high)})` : value;
}

function latencyWords(row) {
  const value = `${digits(rows.latency_ms[row])} ms`;
  if (!known(rows.latency_low_ms[row])) return value;
  return `${value} (${digits(rows.latency_low_ms[row])}–${digits(rows.latency_high_ms[row])})`;
}

// One state for the whole page: what is selected and which rows pass the filter. Views subscribe to it.
const state = { selected: null, visible: new Uint8Array(size).fill(1), listeners: [] };
const subscribe = (listener) => state.listeners.push(listener);
const announce = (what) => state.listeners.forEach((listener) => listener(what));

function select(row) {
  state.selected = row;
  remember("selected", row === null ? null : [rows.run[row], rows.reference[row], nameOf(row)]);
  announce("selected");
}
