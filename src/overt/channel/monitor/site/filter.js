"use strict";
(() => {
  const field = document.getElementById("filter");
  const rows = [...document.querySelectorAll("#rules tbody tr")];
  const count = document.getElementById("count");
  const show = () => {
    const wanted = field.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
  };
  if (field) {
    field.hidden = false;
    field.addEventListener("input", show);
    show();
  }
})();
