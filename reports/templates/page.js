// Puts the views on the page.
function charts() {
  const value = { key: metric.key, label: metric.label, metric: true };
  const name = metric.name[0].toUpperCase() + metric.name.slice(1);
  const latency = { key: "latency_ms", label: "latency in ms (median)" };
  const macs = { key: "macs", label: "MACs" };
  const only = data.runs.length === 1;
  const label = `${name} against latency. Arrow keys go along the front.`;
  const target = data.target;
  const front = new Scatter(byId("front-chart"), { id: "front", x: latency, y: value, front: true, target, curves: only ? data.curves : [], label });
  front.crowded = (names) => { byId("nameless").textContent = names.length ? `without a name in the chart: ${names.join(", ")}` : ""; };
  front.zoomed = (on) => { byId("unzoom").hidden = !on; };
  byId("unzoom").addEventListener("click", () => front.reset());
  byId("axis").addEventListener("click", () => {
    front.log = !front.log;
    byId("axis").setAttribute("aria-pressed", String(front.log));
    front.render();
  });
  byId("axis").setAttribute("aria-pressed", String(front.log));
  for (const [id, x, y, words, identity] of [
    ["metric-macs", macs, value, `${name} against MACs`, false],
    ["latency-macs", macs, { ...latency, label: "latency in ms" }, "Latency against MACs", false],
    ["float-int8", { ...value, key: metric.float, label: metric.floatLabel }, value, `${name} of the int8 file against the float network`, true],
  ]) {
    const box = byId(id);
    if (rows[x.key].some(known)) new Scatter(box, { id, x, y, label: words, identity });
    else box.closest("figure").hidden = true;
  }
  new Steps(byId("area-steps"), { key: "area", label: "area under the front" });
  new Steps(byId("reward-steps"), { key: "best", label: "best reward" });
}

// A page of a search that goes on loads itself anew, unless someone is writing into a field.
function follow() {
  if (!data.refresh) return;
  scrollTo(0, recall("scroll") || 0);
  addEventListener("pagehide", () => remember("scroll", scrollY));
  setInterval(() => {
    if (byId("follow").checked && !document.activeElement.matches("input[type=search], input[type=number], select")) location.reload();
  }, data.refresh * 1000);
  const kept = recall("follow");
  if (kept !== null) byId("follow").checked = kept;
  byId("follow").addEventListener("input", () => remember("follow", byId("follow").checked));
}

function firstSelected() {
  const kept = recall("selected");
  for (let row = 0; kept && row < size; row++) {
    if (rows.run[row] === kept[0] && rows.reference[row] === kept[1] && nameOf(row) === kept[2]) return row;
  }
  let best = null;
  for (let row = 0; row < size; row++) {
    if (rows.front[row] && (best === null || (rows.reward[row] ?? metricGain(row)) > (rows.reward[best] ?? metricGain(best)))) best = row;
  }
  return best;
}

document.documentElement.classList.add("scripted");
// What is selected, said where the panel is out of sight; and to those who listen, always.
function dock() {
  const bar = byId("dock");
  subscribe((what) => {
    const row = state.selected;
    if (what === "selected" && row !== null) bar.firstElementChild.textContent = `${titleOf(row)}: ${metricValue(rows[metric.key][row])}, ${digits(rows.latency_ms[row])} ms`;
  });
  new IntersectionObserver(([seen]) => bar.classList.toggle("aside", seen.isIntersecting || state.selected === null)).observe(byId("details"));
}

theme();
dock();
charts();
const table = new Table(byId("networks"), byId("filter"));
subscribe((what) => what === "selected" && showDetails(byId("details")));
const first = firstSelected();
if (first !== null) select(first);
follow();
