
"use strict";
(() => {
  const table = document.getElementById("files");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => ({
    row,
    text: row.textContent.toLowerCase(),
    verdict: row.dataset.verdict,
    rank: { infected: 100, incomplete: 50, clean: 0 }[row.dataset.verdict] + Number(row.dataset.rank),
    path: row.querySelector(".path").textContent,
    kind: row.dataset.kind,
    size: Number(row.dataset.size),
  }));
  const filter = document.getElementById("filter");
  const chips = Array.from(document.querySelectorAll(".chip"));
  const count = document.getElementById("count");
  let verdict = "";

  function apply() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of rows) {
      const fits = (!verdict || item.verdict === verdict) && words.every((word) => item.text.includes(word));
      item.row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
  }

  function sort(header, key) {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const sign = descending ? -1 : 1;
    rows.sort((a, b) => sign * (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0));
    body.append(...rows.map((item) => item.row));
  }

  filter.addEventListener("input", apply);
  for (const chip of chips) {
    const any = chip.dataset.verdict === "" || rows.some((item) => item.verdict === chip.dataset.verdict);
    chip.hidden = !any;
    chip.addEventListener("click", () => {
      verdict = chip.dataset.verdict;
      for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
      apply();
    });
  }
  for (const button of table.querySelectorAll("th button")) {
    button.addEventListener("click", () => sort(button.closest("th"), button.dataset.sort));
  }
  apply();
})();
