// A scatter chart of two columns: the cloud is one path a run, so ten thousand points draw as fast as ten.
const MARGIN = { top: 12, right: 14, bottom: 44, left: 64 };

class Scatter {
  // options: x, y ({key, label, metric}), front, target, curves, identity, log
  constructor(box, options) {
    this.box = box;
    this.options = options;
    this.zoom = null;
    const xs = rows[options.x.key].filter((_, row) => known(rows[options.y.key][row]));
    this.log = options.identity ? false : wide(xs);
    this.logY = options.identity || options.y.metric ? false : wide(rows[options.y.key]);
    this.svg = draw("svg", { role: "img", "aria-label": options.label, tabindex: options.front ? 0 : null });
    this.tip = make("div", { class: "tip", hidden: true });
    box.append(this.svg, this.tip);
    this.svg.addEventListener("pointermove", (event) => this.hover(event));
    this.svg.addEventListener("pointerleave", () => this.point(null));
    this.svg.addEventListener("pointerdown", (event) => this.press(event));
    this.svg.addEventListener("pointerup", (event) => this.release(event));
    this.svg.addEventListener("dblclick", () => this.reset());
    if (options.front) this.svg.addEventListener("keydown", (event) => this.key(event));
    subscribe((what) => (what === "selected" ? this.mark() : this.render()));
    new ResizeObserver(() => this.render()).observe(box);
  }

  points() {
    const { x, y } = this.options;
    const list = [];
    for (let row = 0; row < size; row++) {
      if (!known(rows[x.key][row]) || !known(rows[y.key][row])) continue;
      if (isReference(row) || state.visible[row]) list.push(row);
    }
    return list;
  }

  render() {
    const width = this.box.clientWidth;
    if (!width) return;
    const height = Math.round(Math.min(this.options.front ? 560 : 340, Math.max(290, width * 0.74)));
    this.width = width;
    this.height = height;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren();
    this.list = this.points();
    if (!this.setScales()) {
      this.svg.append(draw("text", { x: width / 2, y: height / 2, class: "note" }, "nothing measured yet"));
      return;
    }
    this.axes();
    const clip = `clip-${this.options.id}`;
    const defs = draw("defs");
    const clipPath = draw("clipPath", { id: clip });
    clipPath.append(draw("rect", this.frame()));
    defs.append(clipPath);
    this.plot = draw("g", { "clip-path": `url(#${clip})` });
    this.svg.append(defs, this.plot);
    this.lines();
    this.cloud();
    data.runs.forEach((_, run) => this.front(run));
    this.references();
    this.labels();
    this.halo = draw("g");
    this.svg.append(this.halo);
    this.mark();
  }

  frame() {
    return {
      x: MARGIN.left, y: MARGIN.top,
      width: this.width - MARGIN.left - MARGIN.right, height: this.height - MARGIN.top - MARGIN.bottom,
    };
  }

  setScales() {
    const { x, y, target, identity } = this.options;
    const values = (key) => this.list.map((row) => rows[key][row]);
    let spans = [extent([...values(x.key), ...(target ? [target] : [])], this.log), extent(values(y.key), this.logY)];
    if (!spans[0] || !spans[1]) return false;
    if (identity) {
      const both = [Math.min(spans[0][0], spans[1][0]), Math.max(spans[0][1], spans[1][1])];
      spans = [both, both];
    }
    if (this.zoom) spans = this.zoom;
    const { x: left, y: top, width, height } = this.frame();
    this.sx = makeScale(...spans[0], left, left + width, this.log);
    this.sy = makeScale(...spans[1], top + height, top, this.logY);
    return true;
  }

  axes() {
    const { x: left, y: top, width, height } = this.frame();
    const bottom = top + height;
    const { x, y } = this.options;
    const group = draw("g", { class: "axes" });
    for (const value of this.sx.ticks(Math.max(3, Math.floor(width / 90)))) {
      const at = this.sx(value);
      group.append(draw("line", { x1: at, x2: at, y1: top, y2: bottom }));
      group.append(draw("text", { x: at, y: bottom + 16, "text-anchor": "middle" }, x.metric ? metricTick(value) : tick(value)));
    }
    for (const value of this.sy.ticks(Math.max(3, Math.floor(height / 45)))) {
      const at = this.sy(value);
      group.append(draw("line", { x1: left, x2: left + width, y1: at, y2: at }));
      group.append(draw("text", { x: left - 7, y: at + 4, "text-anchor": "end" }, y.metric ? metricTick(value) : tick(value)));
    }
    group.append(draw("text", { x: left + width, y: bottom + 35, "text-anchor": "end", class: "label" }, x.label));
    const up = { x: 0, y: 0, transform: `translate(11 ${top}) rotate(-90)`, "text-anchor": "end", class: "label" };
    group.append(draw("text", up, y.label));
    this.svg.append(group);
  }

  lines() {
    const { target, curves, identity } = this.options;
    const { y: top, height } = this.frame();
    for (const curve of curves || []) {
      const points = this.curve(curve).map((point) => point.join(",")).join(" ");
      this.plot.append(draw("polyline", { points, class: "curve" }));
    }
    if (identity) {
      const [low, high] = [this.sx.low, this.sx.high];
      this.plot.append(draw("line", { x1: this.sx(low), y1: this.sy(low), x2: this.sx(high), y2: this.sy(high), class: "target" }));
    }
    if (known(target)) {
      const at = this.sx(target);
      this.plot.append(draw("line", { x1: at, x2: at, y1: top, y2: top + height, class: "target" }));
    }
  }

  curve({ points }) {
    const path = points.filter(([latency]) => latency >= this.sx.low / 2 && latency <= this.sx.high * 2);
    return path.map(([latency, value]) => [this.sx(latency), this.sy(value)]);
  }

  cloud() {
    const { x, y } = this.options;
    const paths = data.runs.map(() => []);
    for (const row of this.list) {
      if (isReference(row)) continue;
      paths[rows.run[row]].push(`M${this.sx(rows[x.key][row]).toFixed(1)} ${this.sy(rows[y.key][row]).toFixed(1)}h0`);
    }
    paths.forEach((path, run) => {
      const weight = path.length > 2000 ? 3 : path.length > 300 ? 5 : 7;
      const kind = data.runs.length > 1 ? `cloud run${run % 7}` : "cloud plain";
      this.plot.append(draw("path", { d: path.join(""), class: kind, "stroke-width": weight }));
    });
  }

  members(run) {
    const members = this.list.filter((row) => rows.front[row] && rows.run[row] === run);
    return members.sort((a, b) => rows.latency_ms[a] - rows.latency_ms[b] || metricGain(b) - metricGain(a));
  }

  front(run) {
    const members = this.members(run);
    const steps = [];
    members.forEach((row, index) => {
      const [px, py] = this.place(row);
      steps.push(index ? `H${px}V${py}` : `M${px} ${py}`);
      if (this.options.front) this.interval(row, `bar run${run % 7}`);
    });
    if (this.options.front) this.plot.append(draw("path", { d: steps.join(""), class: `front run${run % 7}` }));
    for (const row of members) this.plot.append(shape(run, ...this.place(row), this.options.front ? 4.5 : 3.5, `dot run${run % 7}`));
  }

  place(row) {
    return [this.sx(rows[this.options.x.key][row]), this.sy(rows[this.options.y.key][row])];
  }

  interval(row, kind) {
    const [px, py] = this.place(row);
    if (known(rows[metric.low][row])) {
      const ends = { y1: this.sy(rows[metric.low][row]), y2: this.sy(rows[metric.high][row]) };
      this.plot.append(draw("line", { x1: px, x2: px, ...ends, class: kind }));
    }
    if (known(rows.latency_low_ms[row]) && rows.latency_low_ms[row] > 0) {
      const ends = { x1: this.sx(rows.latency_low_ms[row]), x2: this.sx(rows.latency_high_ms[row]) };
      this.plot.append(draw("line", { y1: py, y2: py, ...ends, class: kind }));
    }
  }

  references() {
    for (const row of this.list.filter(isReference)) {
      if (this.options.front) this.interval(row, "bar reference");
      this.plot.append(shape(3, ...this.place(row), 6, "net"));
    }
  }

  // The names of the reference networks, the target and the rewards of the curves, each where nothing else is.
  labels() {
    const { front, target, curves } = this.options;
    if (!front) return;
    const group = draw("g");
    this.svg.append(group);
    const labels = new Labels(group, this.frame());
    this.obstacles(labels);
    const named = new Set();
    const nameless = new Set();
    for (const row of this.list.filter(isReference)) {
      const [px, py] = this.place(row);
      // Runs that share a reference net would write its name beside itself.
      const spot = `${nameOf(row)} ${Math.round(px / 16)} ${Math.round(py / 16)}`;
      if (named.has(spot) || !labels.holds(px, py)) continue;
      named.add(spot);
      if (!labels.place(nameOf(row), "netname", Labels.beside(px, py))) nameless.add(nameOf(row));
    }
    if (known(target)) {
      const { y: top, height } = this.frame();
      const line = Array.from({ length: 40 }, (_, step) => [this.sx(target), top + (height * (step + 1)) / 40]);
      labels.place(`target ${digits(target)} ms`, "hint halo", Labels.along(line));
    }
    for (const curve of curves || []) {
      const seen = this.curve(curve).filter(([px, py]) => labels.holds(px, py));
      labels.place(`reward ${digits(curve.level)}`, "hint halo", Labels.along(seen));
    }
    this.crowded?.([...nameless]);
  }

  obstacles(labels) {
    const { target } = this.options;
    const { y: top, height } = this.frame();
    for (const row of this.list) {
      const [px, py] = this.place(row);
      if (!labels.holds(px, py)) continue;
      labels.point(px, py, isReference(row) ? 6 : rows.front[row] ? 4.5 : 3.5);
    }
    if (known(target)) labels.line(this.sx(target), top, this.sx(target), top + height);
    for (const line of this.plot.querySelectorAll("line.bar")) {
      labels.line(...["x1", "y1", "x2", "y2"].map((end) => Number(line.getAttribute(end))));
    }
    data.runs.forEach((_, run) => {
      const steps = this.members(run).map((row) => this.place(row));
      steps.slice(1).forEach(([px, py], index) => {
        labels.line(steps[index][0], steps[index][1], px, steps[index][1]);
        labels.line(px, steps[index][1], px, py);
      });
    });
  }

  mark() {
    if (!this.halo) return;
    this.halo.replaceChildren();
    const row = state.selected;
    if (row === null || !known(rows[this.options.x.key][row]) || !known(rows[this.options.y.key][row])) return;
    const [px, py] = this.place(row);
    const { x, y, width, height } = this.frame();
    if (px < x || px > x + width || py < y || py > y + height) return;
    this.halo.append(draw("circle", { cx: px, cy: py, r: 9, class: "selected" }));
    this.halo.append(draw("circle", { cx: px, cy: py, r: 3, class: "selectedcore" }));
  }
}

// Runs differ in shape as well as in colour: circle, square, triangle, diamond.
function shape(kind, x, y, r, name) {
  const paths = [
    `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
    `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
    `M${x} ${y - r}l${r} ${1.8 * r}h${-2 * r}z`,
    `M${x} ${y - r}l${r} ${r}l${-r} ${r}l${-r} ${-r}z`,
  ];
  return draw("path", { d: paths[kind % 4], class: name });
}
