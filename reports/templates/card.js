// The page of a card: the network, the file that is looked at, and the pictures behind a cell.
const data = JSON.parse(byId("data").textContent);

const SMALL = 48; // pixels; smaller pictures are shown as squares, not blurred

function fill(image) {
  image.addEventListener("load", () => image.classList.toggle("small-picture", image.naturalWidth < SMALL));
  image.src = data.pictures[image.dataset.picture];
}

function choose(index) {
  document.querySelectorAll(".look").forEach((look, place) => { look.hidden = place !== index; });
  document.querySelectorAll("#choice button").forEach((button, place) => button.setAttribute("aria-pressed", String(place === index)));
  remember("file", index);
}

function files() {
  const buttons = [...document.querySelectorAll("#choice button")];
  if (!buttons.length) return;
  byId("choice").hidden = false;
  buttons.forEach((button, index) => button.addEventListener("click", () => choose(index)));
  choose(buttons[recall("file")] ? recall("file") : 0);
}

// One cell of a matrix is reached with the tab key, the others with the arrow keys.
class Matrix {
  constructor(table) {
    this.pictures = data.cells[Number(table.dataset.look)];
    this.behind = table.parentElement.nextElementSibling;
    this.cells = new Map([...table.querySelectorAll("button")].map((button) => [button.dataset.cell, button]));
    this.size = table.tBodies[0].rows.length;
    for (const button of this.cells.values()) button.tabIndex = -1;
    table.addEventListener("click", (event) => event.target.dataset.cell && this.open(event.target));
    table.addEventListener("keydown", (event) => this.move(event));
    this.open(this.worst());
  }

  // What is shown first: the mistake of which there is most to see.
  worst() {
    const cells = [...this.cells.values()];
    const wrong = cells.filter((cell) => cell.classList.contains("wrong"));
    const seen = (cell) => this.pictures[cell.dataset.cell].length + Number(cell.textContent.replaceAll(",", "")) / 1e9;
    return (wrong.length ? wrong : cells).reduce((one, other) => (seen(other) > seen(one) ? other : one));
  }

  open(cell) {
    if (this.opened) {
      this.opened.tabIndex = -1;
      this.opened.setAttribute("aria-pressed", "false");
    }
    this.opened = cell;
    cell.tabIndex = 0;
    cell.setAttribute("aria-pressed", "true");
    const shown = this.pictures[cell.dataset.cell].map(([place, words]) => {
      const image = make("img", { "data-picture": place, alt: "" });
      fill(image);
      return make("li", {}, image, words);
    });
    const left = Number(cell.textContent) - shown.length;
    const more = left && shown.length ? ` ${left} more are not in this page.` : shown.length ? "" : " Their pictures are not in this page.";
    this.behind.replaceChildren(make("p", {}, make("b", {}, cell.getAttribute("aria-label")), `.${more}`), make("ul", { class: "pictures" }, ...shown));
  }

  move(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step || !event.target.dataset.cell) return;
    event.preventDefault();
    let [row, column] = event.target.dataset.cell.split(" ").map(Number);
    const inside = (place) => place >= 0 && place < this.size;
    do {
      row += step[0];
      column += step[1];
    } while (inside(row) && inside(column) && !this.cells.has(`${row} ${column}`));
    const next = this.cells.get(`${row} ${column}`);
    if (!next) return;
    this.open(next);
    next.focus();
  }
}

theme();
document.documentElement.classList.add("scripted");
document.querySelectorAll("img[data-picture]").forEach(fill);
document.querySelectorAll("table.matrix").forEach((table) => new Matrix(table));
files();
if (data.boxes.length) byId("drawing").append(...drawNetwork(data.boxes, data.skips, data.networkCells, data.title));
