
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
  const chips = Array.from(document.querySelectorAll(".chips .chip"));
  const count = document.getElementById("count");
  const more = document.getElementById("more");
  const STEP = 500;
  let verdict = "";
  let limit = STEP;

  function apply() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = rows.filter(
      (item) => (!verdict || item.verdict === verdict) && words.every((word) => item.text.includes(word)),
    );
    body.replaceChildren(...fitting.slice(0, limit).map((item) => item.row));
    count.textContent = `${fitting.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
    more.hidden = fitting.length <= limit;
  }

  function change() {
    limit = STEP;
    apply();
  }

  function sort(header, key) {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const sign = descending ? -1 : 1;
    rows.sort((a, b) => sign * (a[key] < b[key] ? -1 : a[key] > b[key] ? 1 : 0));
    change();
  }

  filter.addEventListener("input", change);
  for (const chip of chips) {
    const any = chip.dataset.verdict === "" || rows.some((item) => item.verdict === chip.dataset.verdict);
    chip.hidden = !any;
    chip.addEventListener("click", () => {
      verdict = chip.dataset.verdict;
      for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
      change();
    });
  }
  for (const button of table.querySelectorAll("th button")) {
    button.addEventListener("click", () => sort(button.closest("th"), button.dataset.sort));
  }
  more.addEventListener("click", () => {
    limit += STEP;
    apply();
  });
  apply();
  table.classList.add("live");
})();
