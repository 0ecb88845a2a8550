// Columns sort by number where a cell has one, by words otherwise; cells with nothing in them stay last. A cell may
// say what it sorts by: data-sort. A unit counts where it stands right after the number, whatever words follow.
const UNITS = { s: 1, min: 60, h: 3600, d: 86400, kB: 1e3, MB: 1e6, GB: 1e9, k: 1e3, M: 1e6, G: 1e9 };
const AMOUNT = new RegExp(`^([+-]?\\d[\\d,]*(?:\\.\\d+)?)(?:[ \\u00a0]?(${Object.keys(UNITS).join("|")})(?![A-Za-z]))?`);

function value(row, column) {
  const cell = row.cells[column];
  if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
  const text = cell.innerText.trim();
  if (text === "" || text === "–") return null;
  const amount = cell.classList.contains("number") ? text.replace("−", "-").match(AMOUNT) : null;
  return amount ? parseFloat(amount[1].replaceAll(",", "")) * (UNITS[amount[2]] ?? 1) : text.toLowerCase();
}

function sort(table, column, header) {
  const ascending = header.getAttribute("aria-sort") !== "ascending";
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [value(row, column), row]);
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return ascending ? order : -order;
  });
  body.append(...rows.map(([, row]) => row));
  for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
}

// The column that each header cell stands over, where headers of several rows and columns share the head.
function columns(head) {
  const found = new Map();
  const taken = [...head.rows].map(() => []);
  [...head.rows].forEach((row, top) => {
    let left = 0;
    for (const header of row.cells) {
      while (taken[top][left]) left += 1;
      for (let down = 0; down < header.rowSpan; down += 1) {
        for (let across = 0; across < header.colSpan; across += 1) taken[top + down][left + across] = true;
      }
      if (header.colSpan === 1) found.set(header, left);
      left += header.colSpan;
    }
  });
  return found;
}

for (const table of document.querySelectorAll("table.sortable")) {
  for (const [header, column] of columns(table.tHead)) {
    if (header.classList.contains("bars")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sort(table, column, header));
  }
}
