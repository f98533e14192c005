"use strict";
// The page works without this: it only switches the theme and sorts tables.
const root = document.documentElement;
const button = document.getElementById("theme");
const themes = ["auto", "light", "dark"];
function show(theme) {
  if (theme === "auto") root.removeAttribute("data-theme");
  else root.dataset.theme = theme;
  button.textContent = "Theme: " + theme;
}
let stored = "auto";
try { stored = localStorage.getItem("forkeval-theme") || "auto"; } catch { /* no storage in a file */ }
show(themes.includes(stored) ? stored : "auto");
button.hidden = false;
button.addEventListener("click", () => {
  const now = root.dataset.theme || "auto";
  const next = themes[(themes.indexOf(now) + 1) % themes.length];
  show(next);
  try { localStorage.setItem("forkeval-theme", next); } catch { /* no storage in a file */ }
});

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    const sorter = document.createElement("button");
    sorter.type = "button";
    sorter.append(...head.childNodes);
    head.append(sorter);
    sorter.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const rows = [...body.rows].sort((a, b) =>
        value(a).localeCompare(value(b), undefined, { numeric: true }));
      if (down) rows.reverse();
      body.append(...rows);
    });
  });
}
