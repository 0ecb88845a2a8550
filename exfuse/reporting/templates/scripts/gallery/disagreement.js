// Who is right where the two predictions differ. All classes count, whichever are switched off.
const FINE = 320; // pixels of the drawing, at least, so that its patterns can be seen
const PATTERNS = { // by who is right: colour, and which pixels of the pattern are dark
  exfuse: { colour: [64, 140, 226], dark: (x, y) => (x + y) % 10 < 3 },
  gcn: { colour: [233, 150, 38], dark: (x, y) => (x - y + 10000) % 10 < 3 },
  neither: { colour: [200, 90, 170], dark: (x, y) => x % 8 < 3 && y % 8 < 3 },
};

// Void has no right side.
function compare({ truth, gcn, exfuse }) {
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

// Patterns over a faded photograph; each pixel of the masks is `scale` pixels wide.
function paint(context, found, scale) {
  const [width, height] = [found.width * scale, found.height * scale];
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
}

function drawDisagreement(opened) {
  const found = compare(opened);
  const canvas = part("disagreement-picture");
  canvas.hidden = part("legend").hidden = !found;
  say("disagreement-problem", found ? "" : "It needs the ground truth and both predictions.");
  if (!found) return;
  const scale = Math.max(1, Math.ceil(FINE / found.width));
  const size = [found.width * scale, found.height * scale];
  const context = prepare(canvas, size, { willReadFrequently: true });
  context.filter = "grayscale(1)";
  context.imageSmoothingEnabled = found.width >= SMALL;
  drawPhotograph(context, size, opened);
  context.filter = "none";
  paint(context, found, scale);
  for (const place of part("legend").querySelectorAll("[data-share]")) place.textContent = `${percent(found.shares[place.dataset.share])}%`;
  canvas.setAttribute("aria-label", `Where the two predictions differ: ExFuse right ${percent(found.shares.exfuse)}%, GCN right ${percent(found.shares.gcn)}%, both wrong ${percent(found.shares.neither)}%`);
}
