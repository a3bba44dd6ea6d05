// A network from the image to the classes, as boxes that its family gave.
function drawNetwork(boxes, title) {
  const layers = boxes.map(([name, look, note, repeats, shape, text]) => ({ name, look, note, repeats, shape, text }));
  const [left, wide, tall, gap] = [104, 190, 34, 15];
  const height = layers.length * (tall + gap) + 4;
  const svg = draw("svg", { viewBox: `0 0 352 ${height}`, class: "network", role: "img", "aria-label": `network ${title}` });
  layers.forEach((layer, index) => {
    const y = 2 + index * (tall + gap);
    const middle = left + wide / 2;
    for (let sheet = Math.min(layer.repeats || 1, 4) - 1; sheet > 0; sheet--) {
      svg.append(draw("rect", { x: left + 3 * sheet, y: y - 2.5 * sheet, width: wide, height: tall, rx: 5, class: `layer ${layer.look}` }));
    }
    const box = draw("rect", { x: left, y, width: wide, height: tall, rx: layer.look === "end" ? 16 : 5, class: `layer ${layer.look}` });
    if (layer.text) box.append(draw("title", {}, layer.text));
    svg.append(box);
    const lift = layer.note ? -2 : 5;
    svg.append(draw("text", { x: middle, y: y + tall / 2 + lift, "text-anchor": "middle", class: "layername" }, layer.name));
    if (layer.note) svg.append(draw("text", { x: middle, y: y + tall - 6, "text-anchor": "middle", class: "layernote" }, layer.note));
    if (layer.repeats > 1) svg.append(draw("text", { x: left + wide + 16, y: y + tall / 2 + 5, class: "repeats" }, `×${layer.repeats}`));
    if (layer.shape) svg.append(draw("text", { x: left - 10, y: y + tall / 2 + 4, "text-anchor": "end", class: "layershape" }, layer.shape));
    if (index) svg.append(draw("path", { d: `M${middle} ${y - gap}v${gap - 3}m-3 -4l3 4l3 -4`, class: "arrow" }));
  });
  return svg;
}
