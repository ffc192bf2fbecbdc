/* Masked values: the reason is asked for in a dialog, the value stands in its place for a minute, then the mask again. */
(function () {
  "use strict";

  const { messages, onClick } = window.portal;
  const FETCH = { credentials: "same-origin", cache: "no-store", headers: { "X-Requested-With": "fetch" } };
  const dialog = document.getElementById("reveal");
  let place = null;

  onClick("a[data-reveal]", async (link, event) => {
    if (event.ctrlKey || event.metaKey || !dialog) return;
    event.preventDefault();
    const response = await fetch(link.href + "?part=1", FETCH).catch(() => null);
    if (!response || !response.ok || response.redirected) { location.assign(link.href); return; }
    place = link.closest("[data-masked]");
    dialog.querySelector("h2").textContent = link.dataset.reveal;
    dialog.querySelector("[data-reveal-body]").innerHTML = await response.text();
    dialog.showModal();
    dialog.querySelector("select").focus();
  });

  onClick("a[data-reveal-cancel]", (link, event) => {
    if (!dialog || !dialog.open) return;
    event.preventDefault();
    dialog.close();
  });

  /** Puts the value in the place of its mask until the time is up. */
  function show(value, seconds) {
    const masked = [...place.childNodes];
    const text = Object.assign(document.createElement("strong"), { className: "revealed", textContent: value, translate: false });
    const left = Object.assign(document.createElement("span"), { className: "revealed-left" });
    const hide = Object.assign(document.createElement("button"), { type: "button", className: "reveal-link", textContent: messages.hide });
    const here = place;
    here.setAttribute("aria-live", "polite");
    here.replaceChildren(text, left, hide);
    const until = Date.now() + seconds * 1000;
    const back = () => { clearInterval(clock); here.replaceChildren(...masked); };
    const tick = () => {
      const rest = Math.ceil((until - Date.now()) / 1000);
      if (rest <= 0) back(); else left.textContent = rest + " s";
    };
    const clock = setInterval(tick, 1000);
    hide.addEventListener("click", back);
    tick();
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("dialog [data-reveal-form]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    const problem = form.querySelector("[data-reveal-problem]");
    button.disabled = true;
    try {
      const response = await fetch(form.action, { ...FETCH, method: "POST", body: new FormData(form) });
      const answer = await response.json();
      if (response.ok) {
        dialog.close();
        show(answer.value, answer.seconds);
        return;
      }
      problem.querySelector(".notice-text").textContent = answer.problem || answer.message || messages.loadError;
    } catch (failed) {
      problem.querySelector(".notice-text").textContent = messages.loadError;
    }
    problem.hidden = false;
    button.disabled = false;
  });

  // A page that comes back from the browser's memory shows nothing that was revealed.
  window.addEventListener("pagehide", () => { document.querySelectorAll(".revealed").forEach((text) => text.nextSibling.nextSibling.click()); });
})();
