/* Lists: opening rows, selecting for bulk actions, keys, arranging columns, and the filter drawer. */
(function () {
  "use strict";

  const { all, messages } = window.portal;

  all(".listing").forEach((listing) => {
    const scroll = listing.querySelector(".table-scroll");
    if (scroll) {
      const edges = () => {
        scroll.classList.toggle("is-scrolled", scroll.scrollLeft > 0);
        scroll.classList.toggle("has-more", scroll.scrollLeft + scroll.clientWidth < scroll.scrollWidth - 1);
      };
      scroll.addEventListener("scroll", edges, { passive: true });
      new ResizeObserver(edges).observe(scroll);
    }
    // A cell that had to be cut short shows its whole text to the pointer.
    listing.addEventListener("mouseover", (event) => {
      const cell = event.target.closest("td");
      if (cell && !cell.title && cell.scrollWidth > cell.clientWidth) cell.title = cell.textContent.trim();
    });
    openRows(listing);
    selectRows(listing);
  });

  /** A click anywhere on a row opens its record, except on controls and while text is being selected. */
  function openRows(listing) {
    listing.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-href]");
      if (!row || event.target.closest("a, button, input, label, summary, .cell-check") || String(getSelection())) return;
      if (event.ctrlKey || event.metaKey) window.open(row.dataset.href);
      else location.assign(row.dataset.href);
    });
  }

  function selectRows(listing) {
    const boxes = all("input[name=rowid]", listing);
    const bar = listing.querySelector(".bulk-bar");
    const everything = listing.querySelector("[data-check-all]");
    if (!bar || !boxes.length) return;
    let last = null;

    function refresh() {
      const chosen = boxes.filter((box) => box.checked);
      boxes.forEach((box) => box.closest("tr").classList.toggle("is-selected", box.checked));
      bar.hidden = chosen.length === 0;
      bar.querySelector(".bulk-count").textContent = messages.selected.replace("{count}", chosen.length);
      everything.checked = chosen.length === boxes.length;
      everything.indeterminate = chosen.length > 0 && chosen.length < boxes.length;
    }

    // The whole cell is the target, not only the small box in it.
    listing.addEventListener("click", (event) => {
      const cell = event.target.closest("tbody .cell-check");
      if (cell && event.target === cell) cell.querySelector("input").click();
    });
    boxes.forEach((box, at) => box.addEventListener("click", (event) => {
      if (event.shiftKey && last !== null) {
        boxes.slice(Math.min(at, last), Math.max(at, last) + 1).forEach((other) => { other.checked = box.checked; });
      }
      last = at;
      refresh();
    }));
    everything.addEventListener("change", () => {
      boxes.forEach((box) => { box.checked = everything.checked; });
      refresh();
    });
    bar.querySelector("[data-bulk-clear]").addEventListener("click", () => {
      boxes.forEach((box) => { box.checked = false; });
      refresh();
      everything.focus();
    });
    addEventListener("pageshow", refresh);
    refresh();
  }

  // The arrows move a column within the form; saving is one step, as it is without this script.
  all("[data-columns-form]").forEach((form) => form.addEventListener("click", (event) => {
    const button = event.target.closest("[name=move]");
    if (!button) return;
    event.preventDefault();
    const line = button.closest("li");
    if (button.value.startsWith("up:") && line.previousElementSibling) line.previousElementSibling.before(line);
    else if (button.value.startsWith("down:") && line.nextElementSibling) line.nextElementSibling.after(line);
    button.focus();
  }));

  // Keys of the page's own list, as long as nobody is typing, no dialog is open and no other key is held.
  const TYPING = "textarea, select, [contenteditable], input:not([type=checkbox]):not([type=radio])";
  const main = document.querySelector(".listing-page");

  function stepRow(step) {
    const rows = all("tbody tr", main);
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
    if (!row) return;
    const link = row.querySelector(".row-link");
    if (!link) row.tabIndex = -1;
    (link || row).focus();
    row.scrollIntoView({ block: "nearest" });
  }

  const KEYS = {
    "/": () => { const box = main.querySelector("[data-quick-search]"); box.focus(); box.select(); },
    j: () => stepRow(1),
    k: () => stepRow(-1),
    x: () => {
      const row = document.activeElement.closest("tbody tr");
      const box = row && row.querySelector("input[name=rowid]");
      if (box) box.click();
    },
    "?": () => document.getElementById("keys").showModal(),
  };

  if (main) document.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest(TYPING) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    act();
  });

  // Filter drawer: empty fields stay out of the address; "one of" goes as f.name.in=a,b.
  all("[data-filter-form]").forEach((form) => form.addEventListener("submit", () => {
    all("[data-joined]", form).forEach((group) => {
      const chosen = group.matches("select") ? Array.from(group.selectedOptions) : all("input:checked", group);
      const joined = Object.assign(document.createElement("input"), { type: "hidden", name: group.dataset.joined });
      joined.dataset.temporary = "";
      joined.value = chosen.map((choice) => choice.value).join(",");
      all("[name]", group.parentElement).forEach((one) => { if (one.name === group.dataset.joined) one.disabled = true; });
      form.append(joined);
    });
    all("input[name]", form).forEach((input) => { if (!input.value.trim()) input.disabled = true; });
    // Back from the next page the drawer must work again.
    setTimeout(() => {
      all("[data-temporary]", form).forEach((input) => input.remove());
      all("input[name], select[name]", form).forEach((input) => { input.disabled = false; });
    });
  }));

  all("dialog.drawer[open]").forEach((drawer) => { drawer.close(); drawer.showModal(); });

  // How many rows each choice would leave: asked when its section is opened, once.
  function loadCounts(section) {
    if (!section.open || section.dataset.loaded || !section.closest("dialog").open) return;
    section.dataset.loaded = "yes";
    fetch(section.dataset.counts, { credentials: "same-origin", headers: { Accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : {}))
      .then((counts) => all("[data-count]", section).forEach((place) => { place.textContent = counts[place.dataset.count] || ""; }))
      .catch(() => { delete section.dataset.loaded; });
  }

  all("[data-counts]").forEach((section) => {
    section.addEventListener("toggle", () => loadCounts(section));
    new MutationObserver(() => loadCounts(section)).observe(section.closest("dialog"), { attributeFilter: ["open"] });
  });
})();
