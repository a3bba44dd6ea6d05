// What grew with the trials: the area of the front and the best reward, one stepped line a run.
class Steps {
  // options: key of data.history, label, id
  constructor(box, options) {
    this.box = box;
    this.options = options;
    this.svg = draw("svg", { role: "img", "aria-label": options.label });
    this.tip = make("div", { class: "tip", hidden: true });
    box.append(this.svg, this.tip);
    this.svg.addEventListener("pointermove", (event) => this.hover(event));
    this.svg.addEventListener("pointerleave", () => { this.tip.hidden = true; this.rule?.remove(); });
    new ResizeObserver(() => this.render()).observe(box);
  }

  render() {
    const width = this.box.clientWidth;
    if (!width) return;
    const height = Math.round(Math.min(320, Math.max(240, width * 0.6)));
    Object.assign(this, { width, height });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren();
    const series = data.history.map((one) => one[this.options.key]);
    const span = extent(series.flatMap((one) => one.map(([, value]) => value)), false);
    if (!span) {
      this.svg.append(draw("text", { x: width / 2, y: height / 2, class: "note" }, "no finished trial yet"));
      return;
    }
    const last = Math.max(1, ...data.history.map((one) => one.last));
    this.sx = makeScale(0, last, MARGIN.left, width - MARGIN.right, false);
    this.sy = makeScale(...span, height - MARGIN.bottom, MARGIN.top, false);
    this.axes(width, height);
    series.forEach((points, run) => this.line(points, run));
  }

  axes(width, height) {
    const group = draw("g", { class: "axes" });
    for (const value of this.sx.ticks(Math.max(3, Math.floor(width / 110))).filter(Number.isInteger)) {
      const at = this.sx(value);
      group.append(draw("line", { x1: at, x2: at, y1: MARGIN.top, y2: height - MARGIN.bottom }));
      group.append(draw("text", { x: at, y: height - MARGIN.bottom + 16, "text-anchor": "middle" }, tick(value)));
    }
    for (const value of this.sy.ticks(5)) {
      const at = this.sy(value);
      group.append(draw("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at }));
      group.append(draw("text", { x: MARGIN.left - 7, y: at + 4, "text-anchor": "end" }, tick(value)));
    }
    group.append(draw("text", { x: width - MARGIN.right, y: height - 9, "text-anchor": "end", class: "label" }, "trials"));
    const up = { transform: `translate(11 ${MARGIN.top}) rotate(-90)`, "text-anchor": "end", class: "label" };
    group.append(draw("text", up, this.options.label));
    this.svg.append(group);
  }

  line(points, run) {
    if (!points.length) return;
    let path = "";
    points.forEach(([trial, value], index) => {
      const [px, py] = [this.sx(trial + 1), this.sy(value)];
      path += index ? `H${px}V${py}` : `M${px} ${py}`;
    });
    path += `H${this.sx(data.history[run].last)}`;
    this.svg.append(draw("path", { d: path, class: `front run${run % 7}`, "stroke-dasharray": ["", "7 3", "2 3", "9 3 2 3"][run % 4] }));
  }

  hover(event) {
    if (!this.sx) return;
    const bounds = this.svg.getBoundingClientRect();
    const px = event.clientX - bounds.left;
    const trial = Math.round(this.sx.invert(px));
    this.rule?.remove();
    this.tip.hidden = trial < 1 || trial > this.sx.high;
    if (this.tip.hidden) return;
    this.rule = draw("line", { x1: px, x2: px, y1: MARGIN.top, y2: this.height - MARGIN.bottom, class: "rule" });
    this.svg.append(this.rule);
    const words = data.history.map((one, run) => {
      const passed = one[this.options.key].filter(([number]) => number < trial);
      const value = passed.length ? digits(passed[passed.length - 1][1], 4) : "–";
      return make("div", {}, data.runs.length > 1 ? `${data.runs[run].name}: ${value}` : value);
    });
    this.tip.replaceChildren(make("strong", {}, `after ${trial} trials`), ...words);
    this.tip.style.left = `${Math.max(0, Math.min(this.width - this.tip.offsetWidth, px + 12))}px`;
    this.tip.style.top = `${MARGIN.top}px`;
  }
}
