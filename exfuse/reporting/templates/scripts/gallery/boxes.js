// A box for each class of the image, which switches its colour on and off.
const unseen = new Set([0]); // labels that are switched off; without background the photograph shows through

function present(picture, truth) {
  const found = picture.classes.map((entry) => entry.label).filter((label) => palette.has(label));
  return truth?.labels.includes(VOID) ? [...found, VOID] : found;
}

function boxFor(label, changed) {
  const line = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.value = String(label);
  box.checked = !unseen.has(label);
  box.addEventListener("change", () => {
    if (box.checked) unseen.delete(label);
    else unseen.add(label);
    changed();
  });
  line.append(box, swatch(label), nameOf(label));
  return line;
}

// The boxes are made anew for each image; who was on one stays on that class, or goes to the name where it is not.
function fillBoxes(found, changed) {
  const focused = part("boxes").contains(document.activeElement) ? document.activeElement.value : null;
  part("boxes").replaceChildren(...found.map((label) => boxFor(label, changed)));
  if (focused === null) return;
  const same = [...part("boxes").querySelectorAll("input")].find((box) => box.value === focused);
  (same ?? part("name")).focus({ preventScroll: true });
}

function switchAll(on) {
  for (const box of part("boxes").querySelectorAll("input")) {
    if (box.checked === on) continue;
    box.checked = on;
    box.dispatchEvent(new Event("change"));
  }
}
