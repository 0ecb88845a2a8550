// The gallery: one chosen image at a time, its masks recoloured on canvases from the labels that they hold.
const VOID = 255;
const SMALL = 200; // pixels; narrower pictures are made up of squares, larger ones are smoothed
const FINE = 320; // pixels of the drawing of disagreement, at least, so that its patterns can be seen
const PATTERNS = { // by who is right: colour, and which pixels of the pattern are dark
  exfuse: { colour: [64, 140, 226], dark: (x, y) => (x + y) % 10 < 3 },
  gcn: { colour: [233, 150, 38], dark: (x, y) => (x - y + 10000) % 10 < 3 },
  neither: { colour: [200, 90, 170], dark: (x, y) => x % 8 < 3 && y % 8 < 3 },
};
const data = JSON.parse(document.getElementById("viewer-data")?.textContent ?? '{"palette":[],"pictures":[]}');
const part = (name) => document.getElementById(`viewer-${name}`);
const viewer = document.getElementById("viewer");
const palette = new Map(data.palette.map((entry) => [entry.label, entry]));
const order = data.pictures.map((picture) => picture.place);
const unseen = new Set([0]); // labels that are switched off; without background the photograph shows through
const opened = new Map();
let current = -1;
let shown = null;

function percent(value, digits = 1) {
  return value === null ? "–" : (100 * value).toFixed(digits);
}

function signed(value) {
  const text = (100 * value).toFixed(1);
  return Number(text) === 0 ? "0.0" : `${value > 0 ? "+" : "−"}${text.replace("-", "")}`;
}

function blank(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

async function load(source) {
  if (!source) return null;
  const image = new Image();
  image.src = source;
  await image.decode();
  return image;
}

// Labels of a mask. Browsers that blur what scripts read from canvases give values that are no labels.
async function labels(source) {
  const image = await load(source);
  if (!image) return null;
  const { naturalWidth: width, naturalHeight: height } = image;
  const context = blank(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, width, height).data;
  const found = new Uint8Array(width * height);
  for (let place = 0; place < found.length; place += 1) {
    found[place] = pixels[4 * place];
    if (!palette.has(found[place]) || pixels[4 * place + 3] !== 255) throw new Error("no label");
  }
  return { width, height, labels: found };
}

async function open(picture) {
  const photograph = document.getElementById(picture.place)?.querySelector("img")?.src;
  const loaded = { problems: { ...picture.problems } };
  const sources = { photograph, truth: picture.truth, gcn: picture.gcn_mask, exfuse: picture.exfuse_mask };
  for (const [name, source] of Object.entries(sources)) {
    try {
      loaded[name] = name === "photograph" ? await load(source) : await labels(source);
    } catch {
      loaded[name] = null;
      const problem = name === "photograph" ? "The photograph cannot be shown." : "This browser changes pictures that scripts read, or the mask is damaged: it cannot be shown.";
      loaded.problems[name === "gcn" || name === "exfuse" ? `${name}_mask` : name] = problem;
    }
  }
  return loaded;
}

// A mask in its colours; classes that are switched off let the photograph through.
function coloured(mask) {
  if (!mask) return null;
  const canvas = blank(mask.width, mask.height);
  const context = canvas.getContext("2d");
  const image = context.createImageData(mask.width, mask.height);
  const colours = new Uint32Array(256); // a pixel's four bytes as one number
  for (const { label, colour: [red, green, blue] } of palette.values()) {
    if (!unseen.has(label)) colours[label] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  }
  new Uint32Array(image.data.buffer).set(Array.from(mask.labels, (label) => colours[label]));
  context.putImageData(image, 0, 0);
  return canvas;
}

function measure() {
  const first = shown.photograph ?? shown.truth ?? shown.exfuse ?? shown.gcn;
  return first ? [first.naturalWidth ?? first.width, first.naturalHeight ?? first.height] : [4, 3];
}

function prepare(canvas, [width, height], options = {}) {
  canvas.width = width;
  canvas.height = height;
  canvas.classList.toggle("squares", width < SMALL);
  return canvas.getContext("2d", options);
}

function drawPhotograph(context, [width, height]) {
  context.fillStyle = "#808080";
  context.fillRect(0, 0, width, height);
  if (shown.photograph) context.drawImage(shown.photograph, 0, 0, width, height);
}

function drawPanel(name, size) {
  const canvas = part(`${name}-picture`);
  const problem = shown.problems[name] ?? shown.problems[`${name}_mask`] ?? "";
  say(`${name}-problem`, problem);
  canvas.hidden = name === "photograph" ? !shown.photograph : !shown[name];
  const context = prepare(canvas, size);
  drawPhotograph(context, size);
  if (name === "photograph" || !shown.masks[name]) return;
  context.globalAlpha = part("opacity").value / 100;
  context.drawImage(shown.masks[name], 0, 0, ...size);
}

function say(name, problem) {
  part(name).textContent = problem;
  part(name).hidden = !problem;
}

function drawWipe() {
  const size = measure();
  const [width, height] = size;
  const context = prepare(part("wipe"), size);
  const line = part("slider").value / 100;
  drawPhotograph(context, size);
  context.globalAlpha = part("opacity").value / 100;
  for (const [name, from, to] of [["gcn", 0, line], ["exfuse", line, 1]]) {
    if (!shown.masks[name]) continue;
    context.save();
    context.beginPath();
    context.rect(from * width, 0, (to - from) * width, height);
    context.clip();
    context.drawImage(shown.masks[name], 0, 0, width, height);
    context.restore();
  }
  part("line").style.left = `${100 * line}%`;
  part("slider").setAttribute("aria-valuetext", `${part("slider").value}% from the left`);
  const missing = ["gcn", "exfuse"].map((name) => shown.problems[`${name}_mask`]).filter(Boolean);
  say("wipe-problem", missing.join(" "));
}

// Who is right where the two differ; void has no right side.
function compare() {
  const { truth, gcn, exfuse } = shown;
  if (!truth || !gcn || !exfuse || new Set([truth, gcn, exfuse].map((m) => `${m.width} ${m.height}`)).size > 1) return null;
  const counts = { exfuse: 0, gcn: 0, neither: 0, same: 0, wrong: 0 };
  let counted = 0;
  const right = Array.from(truth.labels, (label, place) => {
    if (label === VOID) return "";
    counted += 1;
    const [a, b] = [gcn.labels[place], exfuse.labels[place]];
    const who = a === b ? "same" : b === label ? "exfuse" : a === label ? "gcn" : "neither";
    counts[who] += 1;
    if (who === "same" && a !== label) counts.wrong += 1;
    return who;
  });
  const shares = Object.fromEntries(Object.entries(counts).map(([who, count]) => [who, counted ? count / counted : 0]));
  return { right, shares, width: truth.width, height: truth.height };
}

function drawDisagreement() {
  const found = compare();
  const canvas = part("disagreement-picture");
  canvas.hidden = part("legend").hidden = !found;
  say("disagreement-problem", found ? "" : "It needs the ground truth and both predictions.");
  if (!found) return;
  const scale = Math.max(1, Math.ceil(FINE / found.width));
  const [width, height] = [found.width * scale, found.height * scale];
  const context = prepare(canvas, [width, height], { willReadFrequently: true });
  context.filter = "grayscale(1)";
  context.imageSmoothingEnabled = found.width >= SMALL;
  drawPhotograph(context, [width, height]);
  context.filter = "none";
  const image = context.getImageData(0, 0, width, height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const pattern = PATTERNS[found.right[Math.floor(y / scale) * found.width + Math.floor(x / scale)]];
      const at = 4 * (y * width + x);
      for (let channel = 0; channel < 3; channel += 1) {
        image.data[at + channel] = pattern
          ? pattern.dark(x, y) ? 24 : pattern.colour[channel]
          : 0.45 * image.data[at + channel] + 110;
      }
    }
  }
  context.putImageData(image, 0, 0);
  for (const place of part("legend").querySelectorAll("[data-share]")) place.textContent = `${percent(found.shares[place.dataset.share])}%`;
  canvas.setAttribute("aria-label", `Where the two predictions differ: ExFuse right ${percent(found.shares.exfuse)}%, GCN right ${percent(found.shares.gcn)}%, both wrong ${percent(found.shares.neither)}%`);
}

function drawMasks() {
  shown.masks = Object.fromEntries(["truth", "gcn", "exfuse"].map((name) => [name, coloured(shown[name])]));
  redraw();
}

function redraw() {
  const size = measure();
  for (const name of ["photograph", "truth", "gcn", "exfuse"]) drawPanel(name, size);
  part("opacity-value").textContent = `${part("opacity").value}%`;
  drawWipe();
}

function swatch(label) {
  const mark = document.createElement("span");
  mark.className = "swatch";
  mark.style.background = `rgb(${palette.get(label).colour.join(" ")})`;
  return mark;
}

function present(picture) {
  const found = picture.classes.map((entry) => entry.label);
  return shown.truth?.labels.includes(VOID) ? [...found, VOID] : found;
}

// The boxes are made anew for each image; who was on one stays on that class, or goes to the name where it is not.
function fillBoxes(picture) {
  const focused = part("boxes").contains(document.activeElement) ? document.activeElement.value : null;
  part("boxes").replaceChildren(...present(picture).filter((label) => palette.has(label)).map((label) => {
    const line = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = String(label);
    box.checked = !unseen.has(label);
    box.addEventListener("change", () => {
      if (box.checked) unseen.delete(label);
      else unseen.add(label);
      drawMasks();
    });
    line.append(box, swatch(label), palette.get(label).name);
    return line;
  }));
  if (focused === null) return;
  const same = [...part("boxes").querySelectorAll("input")].find((box) => box.value === focused);
  (same ?? part("name")).focus({ preventScroll: true });
}

function all(on) {
  for (const box of part("boxes").querySelectorAll("input")) {
    if (box.checked === on) continue;
    box.checked = on;
    box.dispatchEvent(new Event("change"));
  }
}

function row(words, mark) {
  const line = document.createElement("tr");
  words.forEach((text, column) => {
    const cell = document.createElement(column ? "td" : "th");
    if (column) cell.className = "number";
    else cell.scope = "row";
    if (!column && mark) cell.append(mark);
    cell.append(text);
    line.append(cell);
  });
  return line;
}

function difference(entry) {
  return entry.gcn === null || entry.exfuse === null ? "–" : signed(entry.exfuse - entry.gcn);
}

function fillScores(picture) {
  const rows = picture.classes.map((entry) => {
    const name = palette.get(entry.label)?.name ?? String(entry.label);
    const absent = entry.truth === 0;
    return row(
      [absent ? `${name} (not in it)` : name, `${percent(entry.truth)}%`, percent(entry.gcn), percent(entry.exfuse), difference(entry)],
      palette.has(entry.label) ? swatch(entry.label) : null,
    );
  });
  part("scores").replaceChildren(...rows, row(["mean", "", percent(picture.gcn), percent(picture.exfuse), difference(picture)], null));
}

function describe(picture) {
  const words = (field) => picture.classes
    .filter((entry) => entry[field] > 0)
    .map((entry) => `${palette.get(entry.label)?.name ?? entry.label} ${percent(entry[field])}%`)
    .join(", ");
  part("photograph-picture").setAttribute("aria-label", `Photograph ${picture.id}`);
  part("truth-picture").setAttribute("aria-label", `Ground truth of ${picture.id}: ${words("truth")}`);
  part("gcn-picture").setAttribute("aria-label", `GCN's prediction of ${picture.id}: ${words("gcn_share")}`);
  part("exfuse-picture").setAttribute("aria-label", `ExFuse's prediction of ${picture.id}: ${words("exfuse_share")}`);
}

async function select(index, { told = true, address = true } = {}) {
  current = (index + order.length) % order.length;
  const picture = data.pictures[current];
  if (!opened.has(picture.place)) opened.set(picture.place, open(picture));
  const loaded = await opened.get(picture.place);
  if (data.pictures[current] !== picture) return; // somebody was quicker
  shown = loaded;
  part("name").textContent = picture.id;
  const size = picture.width ? ` · ${picture.width} × ${picture.height} pixels` : "";
  part("why").textContent = `${current + 1} of ${order.length} · ${picture.why}${size}`;
  for (const link of viewer.querySelectorAll(".reel a")) {
    if (link.dataset.place === picture.place) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  fillBoxes(picture);
  fillScores(picture);
  describe(picture);
  drawMasks();
  drawDisagreement();
  viewer.dataset.shown = picture.place;
  if (told) part("status").textContent = `Image ${current + 1} of ${order.length}, ${picture.id}: ${picture.why}. GCN ${percent(picture.gcn)}, ExFuse ${percent(picture.exfuse)}.`;
  if (address) history.replaceState(null, "", `#${picture.place}`);
}

function follow(event) {
  const index = order.indexOf(location.hash.slice(1));
  if (index < 0) return event === undefined && select(0, { told: false, address: false });
  viewer.scrollIntoView();
  return select(index, { address: false });
}

function drag(event) {
  const box = part("stage").getBoundingClientRect();
  part("slider").value = Math.round((100 * (event.clientX - box.left)) / box.width);
  drawWipe();
}

function listen() {
  part("previous").addEventListener("click", () => select(current - 1));
  part("next").addEventListener("click", () => select(current + 1));
  part("slider").addEventListener("input", drawWipe);
  part("opacity").addEventListener("input", redraw);
  part("all").addEventListener("click", () => all(true));
  part("none").addEventListener("click", () => all(false));
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
  viewer.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.target.type === "range" || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.matches(".scroll") && event.target.scrollWidth > event.target.clientWidth) return;
    event.preventDefault();
    select(current + step);
  });
  addEventListener("hashchange", follow);
}

if (viewer && order.length) {
  for (const link of viewer.querySelectorAll(".reel a")) {
    const source = document.getElementById(link.dataset.place)?.querySelector("img")?.src;
    const image = new Image();
    image.alt = "";
    if (source) {
      image.src = source;
      link.prepend(image);
    } else link.querySelector("span").className = "name";
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      select(order.indexOf(link.dataset.place));
    });
  }
  viewer.hidden = false;
  part("images").classList.add("folded");
  listen();
  follow();
}
