// The selected network: its numbers, its drawing, its files.
function modelLink(row) {
  const run = data.runs[rows.run[row]];
  if (!rows.file[row] || run.base === null) return null;
  const folder = isReference(row) ? ["references", rows.name[row]] : ["candidates", rows.hash[row]];
  return [run.base, ...folder.map(encodeURIComponent), "model.tflite"].join("/");
}

function facts(row) {
  const [whole, tested] = [rows[metric.float][row], rows[metric.test][row]];
  const beside = known(whole) ? ` · float network ${metricValue(whole)}` : "";
  const list = [[`validation ${metric.name}`, metricWords(row) + beside]];
  if (known(tested)) list.push([`test ${metric.name}`, metricValue(tested)]);
  list.push(["latency", latencyWords(row)]);
  if (rows.verdict[row] && rows.verdict[row] !== "valid") list.push(["timing", rows.verdict[row]]);
  if (known(rows.reward[row])) list.push(["reward", digits(rows.reward[row], 4)]);
  if (known(rows.params[row])) list.push(["parameters", amount(rows.params[row])]);
  if (known(rows.macs[row])) list.push(["MACs", amount(rows.macs[row])]);
  if (known(rows.size_bytes[row])) list.push(["file", `${amount(rows.size_bytes[row])}B`]);
  if (rows.hash[row]) list.push(["architecture", rows.hash[row]]);
  return list;
}

function decisionsOf(row) {
  const { names, choices } = data.decisions[rows.run[row]];
  const taken = rows.choice[row];
  return names.map((name, index) => [name, taken[index] === null ? "–" : choices[index][taken[index]]]);
}

function operatorBars(row) {
  const profile = data.profiles[row];
  if (!profile) return null;
  const total = profile.reduce((sum, [, time]) => sum + time, 0);
  const bars = profile.filter(([, time]) => time > 0).slice(0, 12).map(([name, time]) => {
    const bar = make("i");
    bar.style.width = `${(100 * time) / profile[0][1]}%`;
    return make("div", { class: "bar-row" }, make("span", {}, name), make("span", {}, `${digits(time)} ms · ${percent(time / total, 0)}`), bar);
  });
  return make("details", { open: true }, make("summary", {}, "latency by operator"), ...bars);
}

function showDetails(panel) {
  const row = state.selected;
  if (row === null) return;
  const definitions = make("dl", {});
  for (const [term, value] of facts(row)) definitions.append(make("dt", {}, term), make("dd", {}, value));
  const parts = [make("h3", {}, titleOf(row)), definitions];
  const link = modelLink(row);
  if (link) parts.push(make("p", {}, make("a", { href: link, download: `${nameOf(row).replace("#", "trial-")}.tflite`, class: "button" }, "download model.tflite")));
  if (rows.blocks[row].length) {
    parts.push(...drawNetwork(rows.boxes[row].map((index) => data.boxes[index]), rows.skips[row], rows.cells[row].map((index) => data.cells[index]), titleOf(row)));
    parts.push(make("details", {}, make("summary", {}, "block strings"), make("pre", {}, blocksOf(row).join("\n"))));
  }
  const decisions = rows.choice[row] ? decisionsOf(row) : [];
  if (decisions.length) {
    const list = make("dl", {});
    for (const [name, choice] of decisions) list.append(make("dt", {}, name), make("dd", {}, String(choice)));
    parts.push(make("details", { open: !rows.blocks[row].length }, make("summary", {}, `${decisions.length} decisions`), list));
  }
  const operators = operatorBars(row);
  if (operators) parts.push(operators);
  panel.replaceChildren(...parts);
}
