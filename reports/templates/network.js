// An architecture drawn block by block, the way figure 7 of the MnasNet paper draws its networks.
const TOKEN = /^(se|[rkseio])([0-9.]+)$/;

function parseBlock(text) {
  const block = { flags: [], text };
  for (const part of text.split("_")) {
    const match = TOKEN.exec(part);
    if (match) block[match[1]] = match[1] === "s" ? Number(match[2][0]) : Number(match[2]);
    else block.flags.push(part);
  }
  return ["r", "k", "s", "e", "i", "o"].every((key) => known(block[key])) ? block : null;
}

function layerName(block) {
  const kernel = `k${block.k}×${block.k}`;
  if (block.flags.includes("conv")) return [`Conv ${kernel}`, "conv"];
  if (block.e === 1) return [`SepConv ${kernel}`, "sep"];
  return [`MBConv${block.e} ${kernel}`, block.e > 3 ? "wide" : "narrow"];
}

// The boxes from the image to the classes: {name, kind, note, repeats, shape behind it}.
function layersOf(row) {
  const run = data.runs[rows.run[row]];
  const [stem, stemStride, head] = data.stems[rows.stem[row]] || [null, 1, null];
  let [height, width, channels] = run.input || [null, null, null];
  const shape = () => (known(height) ? `${height}×${width}×${channels}` : "");
  const layers = [{ name: "image", kind: "end", shape: shape() }];
  const stride = (by) => {
    if (known(height)) [height, width] = [Math.ceil(height / by), Math.ceil(width / by)];
  };
  if (known(stem)) {
    stride(stemStride);
    channels = stem;
    layers.push({ name: "Conv k3×3", kind: "conv", note: stemStride > 1 ? `stride ${stemStride}` : "", repeats: 1, shape: shape() });
  }
  for (const text of blocksOf(row)) {
    const block = parseBlock(text);
    if (!block) {
      layers.push({ name: text, kind: "other", note: "", repeats: 1, shape: "" });
      continue;
    }
    stride(block.s);
    channels = block.o;
    const [name, kind] = layerName(block);
    const notes = [block.se ? `SE ${block.se}` : "", block.s > 1 ? `stride ${block.s}` : ""];
    notes.push(block.flags.includes("noskip") ? "no skip" : block.flags.includes("pool") ? "pooled skip" : "");
    layers.push({ name, kind, note: notes.filter(Boolean).join(" · "), repeats: block.r, shape: shape(), text });
  }
  if (known(head)) {
    channels = head;
    layers.push({ name: "Conv k1×1", kind: "conv", note: "", repeats: 1, shape: shape() });
  }
  layers.push({ name: `pooling, FC${known(run.classes) ? ` ${run.classes}` : ""}`, kind: "end", shape: "" });
  return layers;
}

function drawNetwork(row) {
  const layers = layersOf(row);
  const [left, wide, tall, gap] = [104, 190, 34, 15];
  const height = layers.length * (tall + gap) + 4;
  const svg = draw("svg", { viewBox: `0 0 352 ${height}`, class: "network", role: "img", "aria-label": `network ${titleOf(row)}` });
  layers.forEach((layer, index) => {
    const y = 2 + index * (tall + gap);
    const middle = left + wide / 2;
    for (let sheet = Math.min(layer.repeats || 1, 4) - 1; sheet > 0; sheet--) {
      svg.append(draw("rect", { x: left + 3 * sheet, y: y - 2.5 * sheet, width: wide, height: tall, rx: 5, class: `layer ${layer.kind}` }));
    }
    const box = draw("rect", { x: left, y, width: wide, height: tall, rx: layer.kind === "end" ? 16 : 5, class: `layer ${layer.kind}` });
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
