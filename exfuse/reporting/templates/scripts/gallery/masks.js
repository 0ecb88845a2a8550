// Masks: labels out of pictures, colours out of labels.
const UNREADABLE = "This browser changes pictures that scripts read, or the mask is damaged: it cannot be shown.";

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

// A picture's photograph and labels by panel; what cannot be shown is none, with its problem under the panel's name.
async function open(picture) {
  const { photograph, truth, gcn_mask: gcn, exfuse_mask: exfuse } = picture.problems;
  const loaded = { problems: { photograph, truth, gcn, exfuse } };
  const sources = { photograph: photographOf(picture.place), truth: picture.truth, gcn: picture.gcn_mask, exfuse: picture.exfuse_mask };
  for (const [name, source] of Object.entries(sources)) {
    try {
      loaded[name] = name === "photograph" ? await load(source) : await labels(source);
    } catch {
      loaded[name] = null;
      loaded.problems[name] = name === "photograph" ? "The photograph cannot be shown." : UNREADABLE;
    }
  }
  return loaded;
}

// A mask in its colours; classes that are switched off let the photograph through.
function coloured(mask, unseen) {
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
