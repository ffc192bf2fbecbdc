/* Records: parts that are fetched when their tab is opened, older events, and [ ] to the neighbours in the list. */
(function () {
  "use strict";

  const { all, messages, onClick } = window.portal;

  /** Puts what the address answers in the place of an element. What was there (a link) stays when it cannot be had. */
  async function fetchInto(element, address) {
    element.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(address, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" } });
      if (response.redirected && new URL(response.url).pathname !== new URL(address, location).pathname) { location.reload(); return; }
      if (!response.ok) throw new Error(response.status);
      const holder = document.createElement("div");
      holder.innerHTML = await response.text();
      element.replaceWith(...holder.childNodes);
    } catch (failed) {
      element.removeAttribute("aria-busy");
      if (element.querySelector(".part-failed")) return;
      element.append(Object.assign(document.createElement("p"), { className: "part-failed", textContent: messages.loadError }));
    }
  }

  function open(panel) {
    all("[data-part]", panel).forEach((part) => { if (!part.ariaBusy) fetchInto(part, part.dataset.part); });
  }

  document.addEventListener("portal:shown", (event) => open(event.target));
  all(".tab-panel:not([hidden])").forEach(open);

  onClick("[data-more]", (link, event) => {
    event.preventDefault();
    fetchInto(link.parentElement, link.dataset.more);
  });

  // Rows that came later than lists.js open their record by a click like any other.
  document.addEventListener("click", (event) => {
    const row = event.target.closest(".tab-panel tr[data-href]");
    if (!row || event.target.closest("a, button, input, label") || String(getSelection())) return;
    if (event.ctrlKey || event.metaKey) window.open(row.dataset.href);
    else location.assign(row.dataset.href);
  });

  // The neighbour opens at the same tab.
  const neighbour = (key) => document.querySelector(`[data-neighbour="${key}"]`);
  onClick("[data-neighbour]", (link) => { link.hash = location.hash; });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "[" && event.key !== "]") return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const link = neighbour(event.key);
    if (link) link.click();
  });
})();
