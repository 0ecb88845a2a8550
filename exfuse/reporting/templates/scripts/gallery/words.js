// An image in words and numbers: its name, its scores by class, and what its panels show.
function swatch(label) {
  const mark = document.createElement("span");
  mark.className = "swatch";
  mark.style.background = `rgb(${palette.get(label).colour.join(" ")})`;
  return mark;
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

function fillHeading(picture, index) {
  part("name").textContent = picture.id;
  const size = picture.width ? ` · ${picture.width} × ${picture.height} pixels` : "";
  part("why").textContent = `${index + 1} of ${order.length} · ${picture.why}${size}`;
}

function fillScores(picture) {
  const rows = picture.classes.map((entry) => {
    const name = entry.truth === 0 ? `${nameOf(entry.label)} (not in it)` : nameOf(entry.label);
    const mark = palette.has(entry.label) ? swatch(entry.label) : null;
    return row([name, `${percent(entry.truth)}%`, percent(entry.gcn), percent(entry.exfuse), difference(entry)], mark);
  });
  part("scores").replaceChildren(...rows, row(["mean", "", percent(picture.gcn), percent(picture.exfuse), difference(picture)], null));
}

function describe(picture) {
  const words = (field) => picture.classes
    .filter((entry) => entry[field] > 0)
    .map((entry) => `${nameOf(entry.label)} ${percent(entry[field])}%`)
    .join(", ");
  part("photograph-picture").setAttribute("aria-label", `Photograph ${picture.id}`);
  part("truth-picture").setAttribute("aria-label", `Ground truth of ${picture.id}: ${words("truth")}`);
  part("gcn-picture").setAttribute("aria-label", `GCN's prediction of ${picture.id}: ${words("gcn_share")}`);
  part("exfuse-picture").setAttribute("aria-label", `ExFuse's prediction of ${picture.id}: ${words("exfuse_share")}`);
}
