/* Search over everything: opens with Ctrl-K or ⌘K, asks the server as somebody types, is walked with the arrows. */
(function () {
  "use strict";

  const palette = document.getElementById("palette");
  if (!palette) return;
  const { messages, onClick, all } = window.portal;
  const input = palette.querySelector("input");
  const list = palette.querySelector(".palette-list");
  const none = palette.querySelector(".palette-none");
  const PAUSE = 120;
  let timer, running, asked = null;

  const options = () => all("[role=option]", list);

  function mark(option) {
    options().forEach((other) => other.setAttribute("aria-selected", String(other === option)));
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }

  function element(tag, name, text) {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text) made.textContent = text;
    return made;
  }

  /** The title, with what was typed set off where it stands in it literally. */
  function titled(text, query) {
    const title = element("span", "palette-title");
    const at = query ? text.toLowerCase().indexOf(query.toLowerCase()) : -1;
    if (at < 0) title.textContent = text;
    else title.append(text.slice(0, at), element("mark", "", text.slice(at, at + query.length)), text.slice(at + query.length));
    return title;
  }

  function option(hit, number, query) {
    const made = element("a", "palette-option");
    made.href = hit.url;
    made.id = "palette-option-" + number;
    made.tabIndex = -1;
    made.setAttribute("role", "option");
    const icon = element("span", "nav-icon");
    icon.setAttribute("aria-hidden", "true");
    icon.append(element("i", "fa fa-fw " + (hit.icon || "fa-table")));
    made.append(icon, titled(hit.title, query));
    if (hit.note) made.append(element("span", "palette-note", hit.note));
    return made;
  }

  function show(groups, query) {
    let number = 0;
    list.replaceChildren(...groups.map((group, at) => {
      const box = element("div", "palette-group");
      const heading = element("div", "palette-heading", group.label);
      heading.id = "palette-heading-" + at;
      box.setAttribute("role", "group");
      box.setAttribute("aria-labelledby", heading.id);
      box.append(heading, ...group.hits.map((hit) => option(hit, number++, query)));
      return box;
    }));
    if (query && number) {
      const everything = element("a", "palette-option palette-everything");
      everything.href = palette.dataset.page + "?q=" + encodeURIComponent(query);
      everything.id = "palette-option-" + number;
      everything.tabIndex = -1;
      everything.setAttribute("role", "option");
      everything.textContent = messages.allResults;
      list.append(everything);
    }
    list.hidden = number === 0;
    none.hidden = false;
    none.classList.toggle("sr-only", number > 0);
    none.textContent = number ? messages.results.replace("{count}", number) : messages.tryOther;
    mark(options()[0]);
    list.scrollTop = 0;
  }

  async function find() {
    const query = input.value.trim();
    if (query === asked) return;
    asked = query;
    if (running) running.abort();
    running = new AbortController();
    palette.classList.add("is-busy");
    try {
      const answer = await fetch(palette.dataset.url + "?q=" + encodeURIComponent(query), {
        headers: { Accept: "application/json" }, credentials: "same-origin", signal: running.signal,
      });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const { groups } = await answer.json();
      if (query === input.value.trim()) show(groups, query);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      asked = null;
      list.replaceChildren();
      none.hidden = false;
      none.classList.remove("sr-only");
      none.textContent = messages.loadError;
    }
    palette.classList.remove("is-busy");
  }

  function open() {
    input.value = "";
    asked = null;
    list.hidden = true;
    none.hidden = true;
    palette.showModal();
    input.focus();
    find();
  }

  input.addEventListener("input", (event) => {
    if (event.isComposing) return;
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE);
  });
  input.addEventListener("compositionend", find);
  input.addEventListener("keydown", async (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") {  // the browser would only empty the field
      event.preventDefault();
      palette.close();
      return;
    }
    const shown = options();
    const at = shown.findIndex((one) => one.getAttribute("aria-selected") === "true");
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: Math.min(at + 6, shown.length - 1), PageUp: Math.max(at - 6, 0) }[event.key];
    if (to !== undefined && shown.length) {
      mark(shown[(to + shown.length) % shown.length]);
      event.preventDefault();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const apart = event.ctrlKey || event.metaKey;
      // Typed faster than the server answers: wait for what belongs to the words.
      if (asked !== input.value.trim() || palette.classList.contains("is-busy")) {
        clearTimeout(timer);
        asked = null;
        await find();
      }
      const chosen = options().find((one) => one.getAttribute("aria-selected") === "true");
      if (!chosen) return;
      if (apart) window.open(chosen.href, "_blank", "noopener");
      else location.assign(chosen.href);
    }
  });
  list.addEventListener("mousemove", (event) => {
    const over = event.target.closest("[role=option]");
    if (over && over.getAttribute("aria-selected") !== "true") mark(over);
  });
  onClick("[data-palette-open]", (_link, event) => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (!palette.open) open();
    }
  });
})();
