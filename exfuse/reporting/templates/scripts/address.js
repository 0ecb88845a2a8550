// An address leads to its place: folded entries open, and the page keeps to it while pictures and charts above it grow,
// until the reader moves. From then on the browser knows best where the reader was, also when the page is loaded again.
const MOVES = ["wheel", "touchmove", "pointerdown", "keydown"];
const root = document.documentElement;
let kept = null; // the place
let top = 0; // its distance from the top of the window when it was last put there
let height = 0; // of the page, then

// Some places stand in for others: the viewer for the lines of the table that it replaces.
function addressed() {
  const target = document.getElementById(location.hash.slice(1));
  const instead = document.getElementById(target?.closest("[data-shown-by]")?.dataset.shownBy);
  return instead && !instead.hidden ? instead : target;
}

function unfold(place) {
  for (let entry = place?.closest("details"); entry; entry = entry.parentElement.closest("details")) entry.open = true;
}

function align() {
  if (!kept) return;
  kept.scrollIntoView();
  top = kept.getBoundingClientRect().top;
  height = root.scrollHeight;
}

// Whoever says when the browser restores a position, and whether it moves along with what it shows, does so for all of it.
function hold(place) {
  kept = place;
  root.style.overflowAnchor = place ? "none" : "";
  history.scrollRestoration = place ? "manual" : "auto";
}

function arrive() {
  const place = addressed();
  unfold(place);
  hold(history.state?.moved ? null : place);
  align();
}

function release() {
  if (!kept) return;
  hold(null);
  history.replaceState({ ...history.state, moved: true }, "");
}

// Scroll bars and searches make no event of their own; a page that grew is not a reader who moved.
function watch() {
  if (kept && root.scrollHeight === height && Math.abs(kept.getBoundingClientRect().top - top) > 2) release();
}

for (const name of MOVES) addEventListener(name, release, { capture: true, passive: true });
addEventListener("scroll", watch, { passive: true });
addEventListener("hashchange", arrive);
new ResizeObserver(align).observe(document.body);
arrive();
