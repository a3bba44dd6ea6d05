// What a hand does to a chart: hover, click, drag to zoom, arrows along the front.
const REACH = 28;

Object.assign(Scatter.prototype, {
  position(event) {
    const bounds = this.svg.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  },

  nearest(px, py) {
    if (!this.sx) return null;
    let best = null;
    let least = REACH * REACH;
    for (const row of this.list) {
      const [x, y] = this.place(row);
      // A front point or a reference net under the same finger goes before the cloud around it.
      const favour = rows.front[row] || isReference(row) ? 0.4 : 1;
      const distance = ((x - px) ** 2 + (y - py) ** 2) * favour;
      if (distance < least) [best, least] = [row, distance];
    }
    return best;
  },

  hover(event) {
    const [px, py] = this.position(event);
    if (this.from && event.pointerType === "mouse") {
      this.band(px, py);
      return;
    }
    this.point(this.nearest(px, py));
  },

  point(row) {
    this.ring?.remove();
    this.tip.hidden = row === null;
    this.svg.classList.toggle("pointing", row !== null);
    if (row === null || !this.halo) return;
    const [px, py] = this.place(row);
    this.ring = draw("circle", { cx: px, cy: py, r: 7, class: "ring" });
    this.svg.append(this.ring);
    const lines = [`${metric.name} ${metricWords(row)}`, `latency ${latencyWords(row)}`];
    if (known(rows.reward[row])) lines.push(`reward ${digits(rows.reward[row], 4)}`);
    if (known(rows.macs[row])) lines.push(`${amount(rows.params[row])} parameters, ${amount(rows.macs[row])} MACs`);
    this.tip.replaceChildren(make("strong", {}, titleOf(row)), ...lines.map((line) => make("div", {}, line)));
    if (rows.blocks[row].length) this.tip.append(make("code", {}, blocksOf(row).join("\n")));
    const wide = this.tip.offsetWidth;
    const tall = this.tip.offsetHeight;
    this.tip.style.left = `${Math.max(0, Math.min(this.width - wide, px < this.width / 2 ? px + 14 : px - wide - 14))}px`;
    this.tip.style.top = `${Math.max(0, Math.min(this.height - tall, py - tall / 2))}px`;
  },

  press(event) {
    if (event.pointerType === "mouse" && event.button === 0) this.from = this.position(event);
    if (event.pointerType === "mouse") this.svg.setPointerCapture(event.pointerId);
  },

  band(px, py) {
    this.rubber?.remove();
    const [x, y] = this.from;
    if (Math.abs(px - x) < 6 || Math.abs(py - y) < 6) return;
    this.point(null);
    const box = { x: Math.min(x, px), y: Math.min(y, py), width: Math.abs(px - x), height: Math.abs(py - y) };
    this.rubber = draw("rect", { ...box, class: "rubber" });
    this.svg.append(this.rubber);
  },

  release(event) {
    const [px, py] = this.position(event);
    const from = this.from;
    this.from = null;
    this.rubber?.remove();
    if (from && Math.abs(px - from[0]) > 12 && Math.abs(py - from[1]) > 12 && this.sx) {
      const xs = [this.sx.invert(from[0]), this.sx.invert(px)].sort((a, b) => a - b);
      const ys = [this.sy.invert(from[1]), this.sy.invert(py)].sort((a, b) => a - b);
      this.zoom = [xs, ys];
      this.zoomed?.(true);
      this.render();
      return;
    }
    const row = this.nearest(px, py);
    if (row !== null) select(row);
  },

  reset() {
    this.zoom = null;
    this.zoomed?.(false);
    this.render();
  },

  key(event) {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -size, End: size }[event.key];
    if (event.key === "Escape") this.reset();
    if (step === undefined || !this.list) return;
    event.preventDefault();
    const members = this.list.filter((row) => rows.front[row] || isReference(row));
    if (!members.length) return;
    members.sort((a, b) => rows.latency_ms[a] - rows.latency_ms[b]);
    const now = members.indexOf(state.selected);
    const next = now < 0 ? (step > 0 ? 0 : members.length - 1) : now + step;
    select(members[Math.max(0, Math.min(members.length - 1, next))]);
  },
});
