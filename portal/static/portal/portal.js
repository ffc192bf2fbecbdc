/* The shell: theme, sidebar, menus, tabs, dialogs, language. No framework; offers window.portal to the others. */
(function () {
  "use strict";

  const root = document.documentElement;
  const messages = JSON.parse(document.getElementById("portal-messages").textContent);

  /** What the browser remembers; a browser that forbids storage just forgets. */
  const memory = {
    get(key) {
      try { return localStorage.getItem("portal:" + key); } catch (blocked) { return null; }
    },
    set(key, value) {
      try { localStorage.setItem("portal:" + key, value); } catch (blocked) { /* works without */ }
    },
  };

  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));

  /** Runs `act(element, event)` for clicks on anything that matches, present or future. */
  function onClick(selector, act) {
    document.addEventListener("click", (event) => {
      const element = event.target.closest(selector);
      if (element) act(element, event);
    });
  }

  // Theme -------------------------------------------------------------------

  const darkSystem = matchMedia("(prefers-color-scheme: dark)");
  const resolvedTheme = () => (root.dataset.theme === "system" ? (darkSystem.matches ? "dark" : "light") : root.dataset.theme);

  /** Charts and maps that paint with script listen to `portal:theme` (detail: light or dark). */
  function announceTheme() {
    all("[data-theme-choice]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.themeChoice === root.dataset.theme)));
    document.dispatchEvent(new CustomEvent("portal:theme", { detail: resolvedTheme() }));
  }

  onClick("[data-theme-choice]", (button) => {
    root.dataset.theme = button.dataset.themeChoice;
    memory.set("theme", root.dataset.theme);
    button.closest("details").open = false;
    announceTheme();
  });
  darkSystem.addEventListener("change", announceTheme);

  // Sidebar -----------------------------------------------------------------

  const sidebar = document.getElementById("sidebar");
  const fold = document.querySelector("[data-sidebar-fold]");

  function showFold() {
    const rail = root.dataset.sidebar === "rail";
    fold.setAttribute("aria-expanded", String(!rail));
    fold.setAttribute("aria-label", rail ? messages.unfold : messages.fold);
    fold.title = rail ? messages.unfold : "";
    // A folded area has no heading to unfold it again in the rail.
    if (rail) all("details.nav-area").forEach((area) => { area.open = true; });
  }

  function setDrawer(open) {
    document.body.classList.toggle("sidebar-open", open);
    const opener = document.querySelector("[data-sidebar-open]");
    opener.setAttribute("aria-expanded", String(open));
    document.querySelector(".app-main").inert = open;
    if (open) sidebar.querySelector("a, button").focus();
    else opener.focus();
  }

  if (sidebar && fold) {
    all("details.nav-area", sidebar).forEach((area) => {
      const key = "area:" + area.dataset.area;
      const holdsPage = area.querySelector("[aria-current]");
      if (memory.get(key) === "closed" && !holdsPage) area.open = false;
      area.querySelector("summary").addEventListener("click", () => memory.set(key, area.open ? "closed" : "open"));
    });
    showFold();
    fold.addEventListener("click", () => {
      root.dataset.sidebar = root.dataset.sidebar === "rail" ? "full" : "rail";
      memory.set("sidebar", root.dataset.sidebar);
      showFold();
    });
    onClick("[data-sidebar-open]", () => setDrawer(true));
    onClick("[data-sidebar-close]", () => setDrawer(false));
    const current = sidebar.querySelector("[aria-current]");
    if (current) current.scrollIntoView({ block: "nearest" });
  }

  // Menus (details.menu) ------------------------------------------------------

  const closeMenus = (except) => all("details.menu[open]").forEach((menu) => { if (menu !== except) menu.open = false; });

  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest && event.target.closest("details.menu[open]");
    if (event.key === "Escape") {
      if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
      else if (document.body.classList.contains("sidebar-open")) setDrawer(false);
    }
    if (menu && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const items = all(".menu-item, .menu-item input", menu).filter((item) => item.tagName !== "LABEL");
      const step = event.key === "ArrowDown" ? 1 : -1;
      const at = items.indexOf(document.activeElement);
      items[(at + step + items.length) % items.length].focus();
      event.preventDefault();
    }
  });

  // Dialogs -------------------------------------------------------------------

  // A link that opens a dialog leads, without this script, to the page with the dialog open.
  onClick("[data-dialog]", (button, event) => {
    const dialog = document.getElementById(button.dataset.dialog);
    event.preventDefault();
    dialog.close();
    dialog.showModal();
  });
  onClick("[data-dialog-close]", (button) => button.closest("dialog").close());
  all("dialog").forEach((dialog) => dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); }));

  /** Asks before something that cannot be taken back. Resolves to true or false. */
  function ask(question, { label = messages.confirm, danger = false } = {}) {
    const dialog = document.getElementById("confirm");
    const ok = dialog.querySelector("[data-confirm-ok]");
    document.getElementById("confirm-text").textContent = question;
    ok.textContent = label;
    ok.className = danger ? "btn btn-danger" : "btn btn-primary";
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
    });
  }

  // Any submit button with data-confirm: the form goes only after a yes.
  document.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (!button || !button.dataset.confirm || button.dataset.confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const danger = "danger" in button.dataset;
    if (!(await ask(button.dataset.confirm, { danger, label: danger ? messages.delete : messages.confirm }))) return;
    button.dataset.confirmed = "yes";
    button.form.requestSubmit(button);
    delete button.dataset.confirmed;
  }, true);

  // Tabs ------------------------------------------------------------------------

  all("[role=tablist]").forEach((list) => {
    const tabs = all("[role=tab]", list);
    const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

    function choose(tab, remember = true) {
      tabs.forEach((other) => {
        const chosen = other === tab;
        other.setAttribute("aria-selected", String(chosen));
        other.tabIndex = chosen ? 0 : -1;
        panelOf(other).hidden = !chosen;
      });
      if (remember) history.replaceState(null, "", "#" + tab.id);
      panelOf(tab).dispatchEvent(new CustomEvent("portal:shown", { bubbles: true }));
    }

    tabs.forEach((tab, at) => {
      tab.addEventListener("click", () => choose(tab));
      tab.addEventListener("keydown", (event) => {
        const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
        if (to === undefined) return;
        const next = tabs[(to + tabs.length) % tabs.length];
        next.focus();
        choose(next);
        event.preventDefault();
      });
      // Paging and ordering of a related list come back to its own tab.
      all("a[href*='?']", panelOf(tab)).forEach((link) => {
        if (link.pathname === location.pathname && !link.hash) link.hash = tab.id;
      });
    });
    const wanted = tabs.find((tab) => "#" + tab.id === location.hash);
    if (wanted) choose(wanted, false);
  });

  // Small things --------------------------------------------------------------------

  onClick("[data-dismiss-notice]", (button) => button.closest(".notice").remove());
  onClick("[data-history-back]", () => history.back());
  onClick("[data-password-toggle]", (button) => {
    const field = document.getElementById(button.dataset.passwordToggle);
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", shown ? messages.hidePassword : messages.showPassword);
  });

  // The server would lead to the previous page; staying needs the switch first and then this page again.
  onClick("[data-language]", (link, event) => {
    event.preventDefault();
    fetch(link.href, { redirect: "manual", credentials: "same-origin" }).then(() => location.reload());
  });

  announceTheme();
  window.portal = { messages, memory, all, onClick, ask, resolvedTheme };
})();
