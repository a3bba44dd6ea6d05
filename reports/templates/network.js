// A network from the image to the classes, as boxes that its family gave, and the graphs of its cells.
function drawNetwork(boxes, skips, cells, title) {
  return [drawStack(boxes, skips, title), ...cells.map((cell) => drawCell(cell, title))];
}

// How far an arc over so many boxes stays away from the stack: long arcs lie outside short ones.
const arcReach = (span) => 15 * Math.pow(span, 0.8);

function drawStack(boxes, skips, title) {
  const layers = boxes.map(([name, look, note, repeats, shape, text]) => ({ name, look, note, repeats, shape, text }));
  const reads = layers.map((layer, index) => [index - 1]);
  for (const [index, ...read] of skips) reads[index] = read;
  const arcs = reads.flatMap((read, index) => read.filter((from) => from < index - 1).map((from) => [from, index]));
  const [left, wide, tall, gap] = [104, 190, 34, 15];
  const right = left + wide;
  const width = Math.max(352, right + 12 + 0.75 * Math.max(0, ...arcs.map(([from, to]) => arcReach(to - from))));
  const height = layers.length * (tall + gap) + 4;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "network", role: "img", "aria-label": `network ${title}` });
  svg.style.maxWidth = `${width}px`;
  const middle = left + wide / 2;
  const top = (index) => 2 + index * (tall + gap);
  layers.forEach((layer, index) => {
    const y = top(index);
    for (let sheet = Math.min(layer.repeats || 1, 4) - 1; sheet > 0; sheet--) {
      svg.append(draw("rect", { x: left + 3 * sheet, y: y - 2.5 * sheet, width: wide, height: tall, rx: 5, class: `layer ${layer.look}` }));
    }
    const box = draw("rect", { x: left, y, width: wide, height: tall, rx: layer.look === "end" ? 16 : 5, class: `layer ${layer.look}` });
    if (layer.text) box.append(draw("title", {}, layer.text));
    svg.append(box);
    const lift = layer.note ? -2 : 5;
    svg.append(draw("text", { x: middle, y: y + tall / 2 + lift, "text-anchor": "middle", class: "layername" }, layer.name));
    if (layer.note) svg.append(draw("text", { x: middle, y: y + tall - 6, "text-anchor": "middle", class: "layernote" }, layer.note));
    if (layer.repeats > 1) svg.append(draw("text", { x: right + 16, y: y + tall / 2 + 5, class: "repeats" }, `×${layer.repeats}`));
    if (layer.shape) svg.append(draw("text", { x: left - 10, y: y + tall / 2 + 4, "text-anchor": "end", class: "layershape" }, layer.shape));
    if (index && reads[index].includes(index - 1)) svg.append(draw("path", { d: `M${middle} ${y - gap}v${gap - 3}m-3 -4l3 4l3 -4`, class: "arrow" }));
  });
  for (const [from, to] of arcs) {
    const [start, end, reach] = [top(from) + tall / 2 + 6, top(to) + tall / 2 - 6, right + arcReach(to - from)];
    const arc = draw("path", { d: `M${right} ${start}C${reach} ${start} ${reach} ${end} ${right + 1} ${end}m4 -3l-4 3l4 3`, class: "skip" });
    arc.append(draw("title", {}, `${layers[from].name} (${from}) to ${layers[to].name} (${to})`));
    svg.append(arc);
  }
  return svg;
}

// A cell as a graph: boxes and lines in hundredths of the width of a box and of the height of a row.
function drawCell([name, nodes, lines], title) {
  const wide = Math.max(64, 14 + 6 * Math.max(...nodes.map(([label]) => label.length)));
  const [tall, row, margin] = [24, 50, 6];
  const across = [...lines.flatMap((line) => line.filter((_, index) => index % 2 === 0)), ...nodes.flatMap(([, , x]) => [x - 50, x + 50])];
  const [first, last] = [Math.min(...across), Math.max(...across)];
  const rows = 1 + Math.max(...nodes.map(([, , , y]) => y)) / 100;
  const size = [((last - first) / 100) * wide + 2 * margin, rows * row];
  const x = (value) => margin + ((value - first) / 100) * wide;
  const y = (value) => (value / 100 + 0.5) * row;
  const svg = draw("svg", { viewBox: `0 0 ${size.join(" ")}`, width: size[0], height: size[1], class: "cellgraph", role: "img", "aria-label": `${name} of ${title}` });
  for (const line of lines) svg.append(draw("path", { d: cellLine(line, x, y, tall / 2), class: "arrow" }));
  for (const [label, look, atX, atY] of nodes) {
    svg.append(draw("rect", { x: x(atX) - wide / 2, y: y(atY) - tall / 2, width: wide, height: tall, rx: look === "end" ? 12 : 4, class: `layer ${look}` }));
    svg.append(draw("text", { x: x(atX), y: y(atY) + 4, "text-anchor": "middle", class: "layernote" }, label));
  }
  return make("figure", { class: "cell" }, make("figcaption", {}, name), make("div", { class: "scroll" }, svg));
}

// From row to row in a curve, and straight down past the boxes of the rows between.
function cellLine(line, x, y, half) {
  let path = `M${x(line[0])} ${y(line[1])}`;
  for (let at = 2; at < line.length; at += 2) {
    const [fromX, start, toX, end] = [x(line[at - 2]), y(line[at - 1]) + half, x(line[at]), y(line[at + 1]) - half];
    const between = (start + end) / 2;
    path += `L${fromX} ${start}C${fromX} ${between} ${toX} ${between} ${toX} ${end}`;
  }
  return `${path}m-3 -4l3 4l3 -4`;
}
