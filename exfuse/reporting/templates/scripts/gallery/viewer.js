// The viewer: one chosen image at a time, and what people do to it.
const viewer = document.getElementById("viewer");
const opened = new Map(); // what open() gives, by place
let current = -1; // which picture
let shown = null; // what open() gave of it
let masks = {}; // in their colours

function redraw() {
  if (shown) drawPanels(shown, masks);
}

function moveLine() {
  if (shown) drawWipe(shown, masks);
}

function recolour() {
  if (!shown) return;
  masks = Object.fromEntries(MASKS.map((name) => [name, coloured(shown[name], unseen)]));
  redraw();
}

function mark(place) {
  for (const link of viewer.querySelectorAll(".reel a")) {
    if (link.dataset.place === place) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

async function select(index, { told = true, address = true } = {}) {
  current = (index + order.length) % order.length;
  const picture = data.pictures[current];
  if (!opened.has(picture.place)) opened.set(picture.place, open(picture));
  const loaded = await opened.get(picture.place);
  if (data.pictures[current] !== picture) return; // somebody was quicker
  shown = loaded;
  fillHeading(picture, current);
  mark(picture.place);
  fillBoxes(present(picture, shown.truth), recolour);
  fillScores(picture);
  describe(picture);
  recolour();
  drawDisagreement(shown);
  viewer.dataset.shown = picture.place;
  if (told) part("status").textContent = `Image ${current + 1} of ${order.length}, ${picture.id}: ${picture.why}. GCN ${percent(picture.gcn)}, ExFuse ${percent(picture.exfuse)}.`;
  if (address) history.replaceState(history.state, "", `#${picture.place}`);
}

// The image that the address names; none where it names something else.
function addressed() {
  const index = order.indexOf(location.hash.slice(1));
  return index < 0 ? null : index;
}

function follow() {
  if (addressed() !== null) select(addressed(), { address: false });
}

function drag(event) {
  const box = part("stage").getBoundingClientRect();
  part("slider").value = Math.round((100 * (event.clientX - box.left)) / box.width);
  moveLine();
}

function turn(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step || event.target.type === "range" || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.matches(".scroll") && event.target.scrollWidth > event.target.clientWidth) return;
  event.preventDefault();
  select(current + step);
}

function listen() {
  part("previous").addEventListener("click", () => select(current - 1));
  part("next").addEventListener("click", () => select(current + 1));
  part("slider").addEventListener("input", moveLine);
  part("opacity").addEventListener("input", redraw);
  part("all").addEventListener("click", () => switchAll(true));
  part("none").addEventListener("click", () => switchAll(false));
  part("stage").addEventListener("pointerdown", (event) => {
    event.currentTarget.setPointerCapture(event.pointerId);
    drag(event);
  });
  part("stage").addEventListener("pointermove", (event) => {
    if (event.currentTarget.hasPointerCapture(event.pointerId)) drag(event);
  });
  part("toggle").addEventListener("click", () => {
    const table = part("images").classList.toggle("asked");
    part("toggle").setAttribute("aria-expanded", String(table));
  });
  viewer.addEventListener("keydown", turn);
  addEventListener("hashchange", follow);
}

// A thumbnail in a link of the reel, or the name where there is no photograph.
function fillLink(link) {
  const source = photographOf(link.dataset.place);
  if (source) {
    const image = new Image();
    image.alt = "";
    image.src = source;
    link.prepend(image);
  } else link.querySelector("span").className = "name";
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    select(order.indexOf(link.dataset.place));
  });
}

if (viewer && order.length) {
  viewer.querySelectorAll(".reel a").forEach(fillLink);
  viewer.hidden = false;
  part("images").classList.add("folded");
  listen();
  const first = addressed() ?? 0;
  const picture = data.pictures[first];
  reserve(picture);
  fillHeading(picture, first);
  fillBoxes(present(picture, null), recolour);
  fillScores(picture);
  select(first, { told: false, address: false });
}
