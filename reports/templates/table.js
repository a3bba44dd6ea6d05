// The table of all networks: sorted by an index over plain arrays, shown page by page.
const PAGE = 20;

const COLUMNS = [
  { key: "name", label: "network", words: (row) => nameOf(row), order: (row) => (isReference(row) ? -1 : rows.number[row]) },
  { key: "run", label: "run", words: (row) => data.runs[rows.run[row]].name, order: (row) => rows.run[row], several: true },
  { key: metric.key, label: `validation ${metric.name}`, words: (row) => metricValue(rows[metric.key][row]), hint: metricWords, down: metric.maximize, always: true },
  { key: metric.float, label: "float network", words: (row) => metricValue(rows[metric.float][row]), down: metric.maximize },
  { key: metric.test, label: `test ${metric.name}`, words: (row) => metricValue(rows[metric.test][row]), down: metric.maximize },
  { key: "latency_ms", label: "latency ms", words: (row) => digits(rows.latency_ms[row]), hint: latencyWords, always: true },
  { key: "reward", label: "reward", words: (row) => digits(rows.reward[row], 4), down: true },
  { key: "params", label: "parameters", words: (row) => amount(rows.params[row]) },
  { key: "macs", label: "MACs", words: (row) => amount(rows.macs[row]) },
  { key: "size_bytes", label: "bytes", words: (row) => amount(rows.size_bytes[row]) },
  { key: "verdict", label: "timing", words: (row) => rows.verdict[row] || "–", order: (row) => rows.verdict[row] },
];

class Table {
  constructor(box, controls) {
    this.box = box;
    this.controls = controls;
    this.columns = COLUMNS.filter((column) => (column.several ? data.runs.length > 1 : true));
    this.columns = this.columns.filter((column) => column.order || column.always || rows[column.key].some(known));
    const kept = recall("sort");
    const start = this.columns.find((column) => column.key === "reward") ?? this.columns.find((column) => column.key === metric.key);
    this.sort = kept && this.columns.some((column) => column.key === kept.key) ? kept : { key: start.key, down: start.down };
    this.page = 0;
    this.all = [];
    for (let row = 0; row < size; row++) if (known(rows[metric.key][row]) || isReference(row)) this.all.push(row);
    this.build();
    this.filter();
    subscribe((what) => what === "selected" && this.showSelected());
  }

  build() {
    this.head = make("tr");
    for (const column of this.columns) {
      const button = make("button", { type: "button", onclick: () => this.sortBy(column) }, column.label);
      this.head.append(make("th", { scope: "col", "data-key": column.key }, button));
    }
    this.head.append(make("th", { scope: "col" }, "file"));
    this.body = make("tbody");
    this.box.append(make("table", { class: "networks" }, make("thead", {}, this.head), this.body));
    for (const input of this.controls.querySelectorAll("input, select")) {
      const kept = (recall("filter") || {})[input.name];
      if (known(kept)) input.type === "checkbox" ? (input.checked = kept) : (input.value = kept);
      input.addEventListener("input", () => this.filter());
    }
    this.controls.addEventListener("reset", () => setTimeout(() => this.filter()));
    this.controls.addEventListener("submit", (event) => event.preventDefault());
    for (const [id, by] of [["previous", -1], ["next", 1]]) {
      document.getElementById(id).addEventListener("click", () => { this.page += by; this.show(); });
    }
  }

  words(row) {
    this.texts ??= [];
    this.texts[row] ??= [nameOf(row), rows.hash[row], data.runs[rows.run[row]].name, ...blocksOf(row)].join(" ").toLowerCase();
    return this.texts[row];
  }

  filter() {
    const form = this.controls.elements;
    const wanted = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fastest = parseFloat(form.latency.value);
    const bound = (metric.maximize ? 1 : -1) * parseFloat(form.metric.value) / metric.factor;
    const run = form.run ? form.run.value : "";
    state.visible.fill(0);
    for (const row of this.all) {
      if (form.front.checked && !rows.front[row] && !isReference(row)) continue;
      if (fastest < rows.latency_ms[row] || bound > metricGain(row)) continue;
      if (run !== "" && rows.run[row] !== Number(run)) continue;
      if (wanted.length && !wanted.every((word) => this.words(row).includes(word))) continue;
      state.visible[row] = 1;
    }
    const kept = {};
    for (const input of this.controls.querySelectorAll("input, select")) kept[input.name] = input.type === "checkbox" ? input.checked : input.value;
    remember("filter", kept);
    this.page = 0;
    this.order();
    announce("filter");
  }

  sortBy(column) {
    const down = this.sort.key === column.key ? !this.sort.down : Boolean(column.down);
    this.sort = { key: column.key, down };
    remember("sort", this.sort);
    this.page = 0;
    this.order();
  }

  order() {
    const column = this.columns.find((one) => one.key === this.sort.key);
    const value = column.order || ((row) => rows[column.key][row]);
    const sign = this.sort.down ? -1 : 1;
    this.shown = this.all.filter((row) => state.visible[row]);
    this.shown.sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (!known(x) || !known(y)) return known(y) - known(x) || a - b;
      return x < y ? -sign : x > y ? sign : a - b;
    });
    this.show();
  }

  show() {
    const pages = Math.max(1, Math.ceil(this.shown.length / PAGE));
    this.page = Math.max(0, Math.min(pages - 1, this.page));
    for (const cell of this.head.children) {
      const sorted = cell.dataset.key === this.sort.key;
      if (cell.dataset.key) cell.setAttribute("aria-sort", sorted ? (this.sort.down ? "descending" : "ascending") : "none");
    }
    this.body.replaceChildren(...this.shown.slice(this.page * PAGE, (this.page + 1) * PAGE).map((row) => this.line(row)));
    document.getElementById("shown").textContent = `${this.shown.length} of ${this.all.length}`;
    document.getElementById("pages").textContent = `page ${this.page + 1} of ${pages}`;
    document.getElementById("previous").disabled = this.page === 0;
    document.getElementById("next").disabled = this.page === pages - 1;
  }

  line(row) {
    const line = make("tr", { class: isReference(row) ? "reference" : rows.front[row] ? "onfront" : null, onclick: () => select(row) });
    line.dataset.row = row;
    line.classList.toggle("chosen", row === state.selected);
    for (const column of this.columns) {
      const words = column.words(row);
      const cell = make("td", { title: column.hint ? column.hint(row) : null });
      if (column.key === "name") cell.append(make("button", { type: "button", class: "pick", "aria-label": `select ${titleOf(row)}` }, words));
      else cell.append(words);
      line.append(cell);
    }
    const link = modelLink(row);
    const file = make("td");
    if (link) file.append(make("a", { href: link, download: "", onclick: (event) => event.stopPropagation() }, ".tflite"));
    line.append(file);
    return line;
  }

  showSelected() {
    for (const line of this.body.children) line.classList.toggle("chosen", Number(line.dataset.row) === state.selected);
  }
}
