/* The help panel behind the ? of the top bar, and the tour of the first visit. Without this file ? leads to a page. */
(function () {
  "use strict";

  const { onClick } = window.portal;

  // Help panel -----------------------------------------------------------------

  const panel = document.getElementById("help");
  if (panel) {
    const body = panel.querySelector(".drawer-body");
    onClick("[data-help]", async (link, event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (!body.childElementCount) {
        const answer = await fetch(link.href + "?panel=1", { credentials: "same-origin" }).catch(() => null);
        if (!answer || !answer.ok || answer.redirected) { location.assign(link.href); return; }
        body.innerHTML = await answer.text();
      }
      panel.showModal();
    });
  }

  // Tour ------------------------------------------------------------------------

  const tour = document.getElementById("tour");
  if (!tour) return;
  const steps = JSON.parse(document.getElementById("tour-steps").textContent);
  const part = (selector) => tour.querySelector(selector);
  const next = part("[data-tour-next]");
  const words = { next: next.textContent, last: next.dataset.last };
  let at = 0;
  let target = null;

  /** Beside what the step points at; in the middle where that is not to be seen (folded menu, phone). */
  function place() {
    const box = target && target.getBoundingClientRect();
    const seen = box && box.width > 0 && box.right > 0 && box.top < innerHeight;
    tour.classList.toggle("tour-middle", !seen);
    if (!seen) return;
    const own = tour.getBoundingClientRect();
    const beside = box.right + 12 + own.width < innerWidth;
    const left = beside ? box.right + 12 : Math.max(12, Math.min(box.right, innerWidth - 12) - own.width);
    const top = beside ? box.top : box.bottom + 12;
    tour.style.left = left + "px";
    tour.style.top = Math.max(12, Math.min(top, innerHeight - own.height - 12)) + "px";
  }

  function show(number) {
    at = number;
    if (target) target.classList.remove("tour-target");
    target = document.querySelector(steps[at].at);
    if (target) {
      target.classList.add("tour-target");
      target.scrollIntoView({ block: "nearest" });
    }
    part("#tour-title").textContent = steps[at].title;
    part("#tour-text").textContent = steps[at].text;
    part(".tour-count").textContent = `${at + 1} / ${steps.length}`;
    part("[data-tour-back]").hidden = at === 0;
    next.textContent = at === steps.length - 1 ? words.last : words.next;
    tour.hidden = false;
    place();
    tour.focus();
  }

  function end() {
    tour.hidden = true;
    if (target) target.classList.remove("tour-target");
    fetch(tour.action, { method: "POST", body: new FormData(tour), credentials: "same-origin", keepalive: true });
    document.querySelector("[data-help]").focus();
  }

  next.addEventListener("click", () => (at === steps.length - 1 ? end() : show(at + 1)));
  part("[data-tour-back]").addEventListener("click", () => show(at - 1));
  part("[data-tour-end]").addEventListener("click", end);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !tour.hidden && !document.querySelector("dialog[open]")) end();
  });
  addEventListener("resize", () => { if (!tour.hidden) place(); });
  show(0);
})();
