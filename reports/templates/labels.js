// Labels of a chart: on no point and on no other label, and on no line either where there is room. The first free spot
// is taken: beside its point, else further away with a leader that passes over no other point.
const DISTANCES = [10, 16, 24, 34, 48, 66, 90, 120, 160, 210, 270, 340];
const DIRECTIONS = [0, 1, 15, 2, 14, 4, 12, 3, 13, 8, 7, 9, 6, 10, 5, 11].map((sixteenth) => (sixteenth * Math.PI) / 8);
const LEADER_FROM = 20;

const hit = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
const around = (x, y, r) => [x - r, y - r, x + r, y + r];

class Labels {
  // frame: {x, y, width, height} in which the labels stay
  constructor(group, frame) {
    this.group = group;
    this.frame = [frame.x, frame.y, frame.x + frame.width, frame.y + frame.height];
    this.points = [];
    this.lines = [];
    this.taken = [];
  }

  point(x, y, r) {
    this.points.push(around(x, y, r + 1.5));
  }

  // A line along an axis; slanted ones are given in short pieces.
  line(x1, y1, x2, y2) {
    this.lines.push([Math.min(x1, x2) - 1, Math.min(y1, y2) - 1, Math.max(x1, x2) + 1, Math.max(y1, y2) + 1]);
  }

  holds(x, y) {
    return hit(around(x, y, 0.01), this.frame);
  }

  free(box, strictly) {
    const [left, top, right, bottom] = this.frame;
    if (box[0] < left || box[1] < top || box[2] > right || box[3] > bottom) return false;
    if (this.taken.some((one) => hit(one, box)) || this.points.some((one) => hit(one, box))) return false;
    return !strictly || !this.lines.some((one) => hit(one, box));
  }

  // Writes a text into the first free one of `spots(width, height)`, each [left, top, from]; says whether there was one.
  // `from` is the point that a leader joins to the text, or undefined.
  place(text, name, spots) {
    const node = draw("text", { class: name }, text);
    this.group.append(node);
    const size = node.getBBox();
    const all = spots(size.width, size.height);
    for (const [far, strictly] of [[false, true], [false, false], [true, true], [true, false]]) {
      for (const [left, top, from] of all) {
        const box = [left - 2, top, left + size.width + 2, top + size.height];
        if (Boolean(from) !== far || !this.free(box, strictly)) continue;
        const leader = from ? this.leader(from, box) : [];
        if (!this.passes(leader, strictly)) continue;
        node.setAttribute("x", left);
        node.setAttribute("y", top - size.y);
        this.taken.push(box);
        if (from) this.drawLeader(leader);
        return true;
      }
    }
    node.remove();
    return false;
  }

  // The way from a point to the nearest place of a box, in steps.
  leader([x, y], box) {
    const [tx, ty] = [Math.max(box[0], Math.min(box[2], x)), Math.max(box[1], Math.min(box[3], y))];
    return Array.from({ length: 33 }, (_, step) => around(x + ((tx - x) * step) / 32, y + ((ty - y) * step) / 32, 0.5));
  }

  // Whether a leader can be followed: it crosses no label, hides along no line and, strictly, passes over no other point.
  passes(leader, strictly) {
    if (leader.some((step) => this.taken.some((other) => hit(step, other)))) return false;
    if (leader.filter((step) => this.lines.some((other) => hit(step, other))).length > leader.length / 2) return false;
    const others = strictly ? this.points.filter((point) => !hit(point, leader[0] || point)) : [];
    return !leader.some((step) => others.some((other) => hit(step, other)));
  }

  drawLeader(steps) {
    const [start, end] = [steps[0], steps[steps.length - 1]];
    const ends = { x1: start[0] + 0.5, y1: start[1] + 0.5, x2: end[0] + 0.5, y2: end[1] + 0.5 };
    this.group.prepend(draw("line", { ...ends, class: "leader" }));
    this.lines.push(...steps);
  }

  // Spots beside a point, the nearest first; those far away get a leader.
  static beside(x, y) {
    return (width, height) => DISTANCES.flatMap((distance) => DIRECTIONS.map((angle) => {
      const [right, down] = [Math.cos(angle), Math.sin(angle)];
      const left = x + distance * right - (width * (1 - right)) / 2;
      const top = y + distance * down - (height * (1 - down)) / 2;
      return [left, top, distance >= LEADER_FROM ? [x, y] : undefined];
    }));
  }

  // Spots along a curve given by its points, above it and below, from its end on.
  static along(points) {
    return (width, height) => [...points].reverse().flatMap(([x, y]) => [[x - width - 4, y - height - 1], [x + 4, y + 1]]);
  }
}
