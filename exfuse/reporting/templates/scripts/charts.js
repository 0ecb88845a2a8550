// Draws each chart from the JSON beside it: when it comes near the view, before printing, and when its place changes width.
const theme = JSON.parse(document.getElementById("chart-theme").textContent);
const ERRORS = 1; // of Vega's levels: not what it thinks of a valid specification
const refuse = () => Promise.reject(new Error("charts load nothing"));
const nowhere = { load: refuse, sanitize: refuse, http: refuse, file: refuse };

// As exfuse/reporting/charts/chart.py: Panels.fit.
function fit(spec, panels, width) {
  if (!panels) {
    spec.width = Math.floor(width);
    return;
  }
  const fitting = Math.floor((width - panels.outer) / (panels.least + panels.gap));
  const columns = Math.max(1, Math.min(panels.most, panels.count, fitting));
  const each = Math.max(60, Math.floor((width - panels.outer) / columns - panels.gap));
  spec.columns = columns;
  if (spec.facet) spec.facet.header = { ...spec.facet.header, labelLimit: each + panels.gap - 4 };
  for (const panel of spec.concat ?? [spec.spec]) {
    panel.width = each;
    if (panels.square) panel.height = each;
  }
}

// About how high a chart will be, by the rows of panels and the height of its file's drawing.
function foresee({ spec, panels, height }, width) {
  if (!height || !panels) return height;
  const [panel] = spec.concat ?? [spec.spec];
  const rows = () => Math.ceil(panels.count / spec.columns);
  const high = () => (typeof panel.height === "number" ? panel.height : 0);
  const labels = height / rows() - high();
  fit(spec, panels, width);
  return rows() * (high() + labels);
}

class Chart {
  constructor(place) {
    this.place = place;
    this.choices = place.parentElement.querySelector(".chart-choices");
    this.content = place.parentElement.querySelector(".chart-drawing").textContent;
    this.width = 0; // of the last drawing
  }

  // Keeps the place free, so that nothing below it moves when the chart is drawn.
  reserve() {
    try {
      const style = getComputedStyle(this.place);
      const [edge, inner] = [this.place.offsetHeight - this.place.clientHeight, parseFloat(style.paddingTop) + parseFloat(style.paddingBottom)];
      const height = foresee(JSON.parse(this.content), this.place.clientWidth);
      if (height) this.place.style.minHeight = `${Math.round(height + edge + inner)}px`;
    } catch {
      // draw() says what is wrong
    }
  }

  async draw() {
    const width = this.place.clientWidth;
    if (!width || width === this.width) return;
    this.width = width;
    try {
      const { spec, panels } = JSON.parse(this.content);
      fit(spec, panels, width);
      for (const param of spec.params ?? []) {
        if (param.bind && this.result) param.value = this.result.view.signal(param.name); // as the reader chose
      }
      const config = { ...theme, font: getComputedStyle(this.place).fontFamily };
      this.result?.finalize();
      this.choices.replaceChildren();
      const tooltip = { theme: "page", disableDefaultStyle: true };
      const look = { renderer: "svg", actions: false, defaultStyle: false, config, tooltip };
      this.result = await vegaEmbed(this.place, spec, { mode: "vega-lite", logLevel: ERRORS, loader: nowhere, bind: this.choices, ...look });
      this.place.style.minHeight = "";
      this.place.querySelector("svg").setAttribute("aria-hidden", "true"); // the place itself says what is to be seen
    } catch (error) {
      this.place.textContent = `This chart could not be drawn (${error.message}). Its numbers are below.`;
    }
  }
}

const charts = new Map([...document.querySelectorAll(".chart")].map((place) => [place, new Chart(place)]));
const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    charts.get(target).draw();
    resized.observe(target);
  }
}, { rootMargin: "600px 0px" });
let waiting = 0;
const resized = new ResizeObserver(() => {
  clearTimeout(waiting);
  waiting = setTimeout(() => charts.forEach((chart) => chart.width && chart.draw()), 150);
});
for (const [place, chart] of charts) {
  chart.reserve();
  near.observe(place);
}
addEventListener("beforeprint", () => charts.forEach((chart) => chart.draw()));
