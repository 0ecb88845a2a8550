// What the page holds of the gallery, and its words. The gallery's scripts stand in one block, in the order of report.py.
const VOID = 255;
const data = JSON.parse(document.getElementById("viewer-data")?.textContent ?? '{"palette":[],"pictures":[]}');
const palette = new Map(data.palette.map((entry) => [entry.label, entry]));
const order = data.pictures.map((picture) => picture.place);
const part = (name) => document.getElementById(`viewer-${name}`);

function photographOf(place) {
  return document.getElementById(place)?.querySelector("img")?.src;
}

function nameOf(label) {
  return palette.get(label)?.name ?? String(label);
}

function percent(value, digits = 1) {
  return value === null ? "–" : (100 * value).toFixed(digits);
}

function signed(value) {
  const text = (100 * value).toFixed(1);
  return Number(text) === 0 ? "0.0" : `${value > 0 ? "+" : "−"}${text.replace("-", "")}`;
}

// Words in the place of a picture; none take it away.
function say(name, problem) {
  part(name).textContent = problem;
  part(name).hidden = !problem;
}
