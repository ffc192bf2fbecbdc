/* The bell and what comes later on a page: asks once a minute while the page is looked at, fills the panel when it opens. */
(function () {
  "use strict";

  const { all, messages } = window.portal;
  const MINUTE = 60000;

  /** A piece of a page from the server; throws when the session has ended. */
  async function piece(address, options = {}) {
    const answer = await fetch(address, { credentials: "same-origin", ...options });
    if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
    return answer;
  }

  // Cards of the home page that are fetched once it is there.
  all("[data-card]").forEach(async (card) => {
    try {
      const answer = await piece(card.dataset.card);
      const inside = await answer.text();
      if (!inside.trim()) return card.remove();
      card.innerHTML = inside;
    } catch (problem) {
      const wait = card.querySelector(".home-card-wait");
      wait.className = "home-card-nothing";
      wait.removeAttribute("aria-hidden");
      wait.textContent = messages.loadError;
    }
    card.classList.remove("is-loading");
    card.removeAttribute("aria-busy");
  });

  const bell = document.querySelector("[data-bell]");
  if (!bell) return;
  const badge = bell.querySelector(".bell-count");
  const panel = bell.querySelector(".bell-panel");
  let stopped = false;

  function tell(unread) {
    badge.textContent = unread < 100 ? String(unread) : "99+";
    badge.hidden = unread === 0;
    bell.querySelector("summary").setAttribute("aria-label", bell.dataset.words.replace("{count}", unread));
  }

  async function ask() {
    if (document.hidden || stopped) return;
    try {
      tell((await (await piece(bell.dataset.count, { headers: { Accept: "application/json" } })).json()).unread);
    } catch (problem) {
      stopped = /^[34]/.test(problem.message) || problem instanceof SyntaxError; // signed out: no more questions
    }
  }

  async function fill() {
    try {
      panel.innerHTML = await (await piece(bell.dataset.panel)).text();
    } catch (problem) { /* the link to the page stays */ }
  }

  const send = (form) => piece(form.action, {
    method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" },
  });

  setInterval(ask, MINUTE);
  document.addEventListener("visibilitychange", ask);
  bell.addEventListener("toggle", () => { if (bell.open) fill(); });
  panel.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    try {
      tell((await (await send(event.target)).json()).unread);
      fill();
    } catch (problem) { event.target.submit(); }
  });

  // Following a notification marks it as read; the answer need not be waited for.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-notification]");
    const form = link && link.closest(".notification").querySelector("form");
    if (!form) return;
    const body = new URLSearchParams(new FormData(form));
    navigator.sendBeacon(form.action, body);
  });
})();
