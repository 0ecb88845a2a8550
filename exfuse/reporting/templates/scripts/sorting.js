// Columns of the long tables sort by number where every cell has one, by words otherwise; empty cells stay last.
function value(row, column) {
  const cell = row.cells[column];
  const text = cell.innerText.trim();
  const number = text.replace("−", "-").match(/^[+-]?[\d.,]+/);
  const unit = / h$/.test(text) ? 3600 : / min$/.test(text) ? 60 : 1;
  if (text === "" || text === "–") return null;
  return cell.classList.contains("number") && number ? parseFloat(number[0].replaceAll(",", "")) * unit : text.toLowerCase();
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
  for (const other of header.parentElement.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    if (header.classList.contains("bars")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => sort(table, column, header));
  });
}
