// The photograph with masks over it: four panels, and one in which a line divides GCN from ExFuse.
const SMALL = 200; // pixels; narrower pictures are made up of squares, larger ones are smoothed
const MASKS = ["truth", "gcn", "exfuse"];

function measure(opened) {
  const first = opened.photograph ?? opened.truth ?? opened.exfuse ?? opened.gcn;
  return first ? [first.naturalWidth ?? first.width, first.naturalHeight ?? first.height] : [4, 3];
}

function resize(canvas, [width, height]) {
  canvas.width = width;
  canvas.height = height;
  canvas.classList.toggle("squares", width < SMALL);
}

function prepare(canvas, size, options = {}) {
  resize(canvas, size);
  return canvas.getContext("2d", options);
}

function drawPhotograph(context, [width, height], opened) {
  context.fillStyle = "#808080";
  context.fillRect(0, 0, width, height);
  if (opened.photograph) context.drawImage(opened.photograph, 0, 0, width, height);
}

function drawPanel(name, size, opened, masks) {
  const canvas = part(`${name}-picture`);
  say(`${name}-problem`, opened.problems[name] ?? "");
  canvas.hidden = !opened[name];
  const context = prepare(canvas, size);
  drawPhotograph(context, size, opened);
  if (!masks[name]) return;
  context.globalAlpha = part("opacity").value / 100;
  context.drawImage(masks[name], 0, 0, ...size);
}

function drawWipe(opened, masks) {
  const size = measure(opened);
  const [width, height] = size;
  const context = prepare(part("wipe"), size);
  fitStage(size);
  const line = part("slider").value / 100;
  drawPhotograph(context, size, opened);
  context.globalAlpha = part("opacity").value / 100;
  for (const [name, from, to] of [["gcn", 0, line], ["exfuse", line, 1]]) {
    if (!masks[name]) continue;
    context.save();
    context.beginPath();
    context.rect(from * width, 0, (to - from) * width, height);
    context.clip();
    context.drawImage(masks[name], 0, 0, width, height);
    context.restore();
  }
  part("line").style.left = `${100 * line}%`;
  part("slider").setAttribute("aria-valuetext", `${part("slider").value}% from the left`);
  say("wipe-problem", [opened.problems.gcn, opened.problems.exfuse].filter(Boolean).join(" "));
}

function drawPanels(opened, masks) {
  const size = measure(opened);
  for (const name of ["photograph", ...MASKS]) drawPanel(name, size, opened, masks);
  part("opacity-value").textContent = `${part("opacity").value}%`;
  drawWipe(opened, masks);
}

// As wide as its column, but not so high that the line's slider is out of sight.
function fitStage([width, height]) {
  part("stage").style.maxWidth = `calc(34rem * ${width / height})`;
}

// Canvases take their height before there is anything to draw, so that nothing below them moves.
function reserve({ width, height }) {
  const size = width ? [width, height] : [4, 3];
  for (const canvas of document.querySelectorAll("#viewer canvas")) resize(canvas, size);
  fitStage(size);
}
