/* Forms: selects with search, unsaved changes, one submit at a time. Uses FAB's jQuery and Select2. */
(function () {
  "use strict";

  const $ = window.jQuery;
  const { all, messages } = window.portal;

  // Selects -----------------------------------------------------------------------

  /** Up to so many options the browser's own list is quicker and more accessible than a search box. */
  const PLAIN = 12;

  const words = {
    errorLoading: () => messages.loadError,
    inputTooShort: (told) => messages.tooShort.replace("{count}", told.minimum),
    loadingMore: () => messages.loadingMore,
    noResults: () => messages.noResults,
    searching: () => messages.searching,
    removeAllItems: () => messages.removeItem,
    removeItem: () => messages.removeItem,
  };

  function enrich(select) {
    const remote = select.classList.contains("js-remote");
    if (select.dataset.enriched || (!remote && !select.multiple && select.options.length <= PLAIN)) return;
    select.dataset.enriched = "yes";
    const dialog = select.closest("dialog");
    const options = {
      width: "100%",
      language: words,
      placeholder: select.dataset.placeholder || messages.select,
      allowClear: select.dataset.allowClear === "1",
      dropdownParent: $(dialog || document.body),
    };
    if (remote) {
      options.minimumInputLength = Number(select.dataset.minimumInputLength || 0);
      options.ajax = {
        url: select.dataset.url,
        delay: 200,
        data: (told) => ({ q: told.term || "", page: told.page || 1 }),
        processResults: (data) => ({ results: data.results, pagination: data.pagination || { more: false } }),
      };
    }
    // An empty first option is what Select2 shows the placeholder for.
    if (!select.multiple && !all("option", select).some((option) => option.value === "")) select.prepend(new Option("", "", !select.value));
    $(select).select2(options);
    nameBox(select, $(select).data("select2").$selection[0]);
    $(select).on("change", () => select.dispatchEvent(new Event("input", { bubbles: true })));
    $(select).on("select2:select", (event) => takeOver(select.form, event.params.data.sets || {}));
  }

  /** What follows from a choice: the team and the branch of the customer manager. */
  function takeOver(form, sets) {
    Object.entries(sets).forEach(([name, choice]) => {
      const field = form && form.elements[name];
      if (!field || field.disabled || field.value === String(choice ? choice.id : "")) return;
      if (choice && !all("option", field).some((option) => option.value === String(choice.id))) field.append(new Option(choice.text, choice.id));
      $(field).val(choice ? String(choice.id) : "").trigger("change");
    });
  }

  /** Select2 leaves its box without a name; it gets the label's, and what errors and help say. */
  function nameBox(select, box) {
    const shown = box.querySelector(".select2-selection__rendered");
    shown.removeAttribute("role");
    shown.removeAttribute("aria-readonly");
    ["aria-describedby", "aria-invalid"].forEach((name) => {
      if (select.hasAttribute(name)) box.setAttribute(name, select.getAttribute(name));
    });
    const label = select.labels[0];
    if (!label) {
      box.removeAttribute("aria-labelledby");
      box.setAttribute("aria-label", select.getAttribute("aria-label"));
      return;
    }
    label.id = select.id + "-label";
    box.setAttribute("aria-labelledby", label.id + (shown.id ? " " + shown.id : ""));
    label.addEventListener("click", () => box.focus());
  }

  // The search box inside the drop-down has no name of its own, and is not focused by Select2 under jQuery 3.6.
  $(document).on("select2:open", () => {
    const field = document.querySelector(".select2-container--open .select2-search__field");
    if (!field) return;
    field.setAttribute("aria-label", messages.select);
    field.focus();
  });

  // Fields that only some records have -------------------------------------------------

  /** Shows a field only beside the values it belongs to; what is hidden is not sent. Without script the server says so. */
  function depend(form) {
    all("[data-only-if]", form).forEach((field) => {
      const other = form.elements[field.dataset.onlyIf];
      if (!other) return;
      const allowed = field.dataset.onlyValues.split(" ");
      field.hidden = Boolean(other.value) && !allowed.includes(other.value);
      all("input, select, textarea", field).forEach((control) => { control.disabled = field.hidden; });
    });
  }

  // Saving -----------------------------------------------------------------------------

  /** Form -> whether it has unsaved changes and is on its way. */
  const states = new Map();
  const present = () => Array.from(states).filter(([form]) => form.isConnected);

  function guard(form) {
    const state = { dirty: Boolean(form.querySelector("[data-error-summary]")) || "restored" in form.dataset, leaving: false };
    states.set(form, state);
    const note = form.querySelector("[data-unsaved]");
    const show = () => { note.hidden = !state.dirty; };
    form.addEventListener("input", () => { state.dirty = true; show(); depend(form); });
    form.addEventListener("submit", (event) => {
      if (state.leaving) { event.preventDefault(); return; }
      state.leaving = true;
      if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
      if (!("save" in form.dataset)) return;
      event.preventDefault();
      save(form, state);
    });
    depend(form);
    show();
  }

  const free = (form, state) => {
    state.leaving = false;
    all("[aria-busy]", form).forEach((button) => button.removeAttribute("aria-busy"));
  };

  /** Saves without leaving the page, so that whatever happens on the way costs nothing that was typed. */
  async function save(form, state) {
    say(form, "");
    const address = form.getAttribute("action") || location.href;
    try {
      const options = { method: "POST", body: new FormData(form), headers: { "X-Requested-With": "fetch" }, credentials: "same-origin" };
      const response = await fetch(address, options);
      if (response.status === 401) { form.submit(); return; } // the log-in page carries it all along
      const type = response.headers.get("Content-Type") || "";
      if (response.ok && type.includes("json")) {
        location.assign((await response.json()).location);
        return;
      }
      const answer = new DOMParser().parseFromString(await response.text(), "text/html");
      if (answer.querySelector("form[data-save]")) { swap(answer); return; }
      const words = answer.querySelector(".error-text, .error-card h1");
      const reference = answer.querySelector(".error-reference code");
      const text = response.status < 500 && words ? words.textContent + " " + messages.saveRefused : messages.saveFailed;
      say(form, text + (reference ? " (" + reference.textContent + ")" : ""));
    } catch (broken) {
      say(form, messages.connectionLost);
    }
    free(form, state);
  }

  /** The page's content as the server answered it: errors at their fields, or what somebody else saved meanwhile. */
  function swap(answer) {
    const main = document.getElementById("main");
    main.replaceChildren(...document.importNode(answer.getElementById("main"), true).childNodes);
    prepare(main);
    scrollTo({ top: 0 });
    focusFirst(main);
  }

  function say(form, text) {
    const held = form.querySelector("[data-save-problem]");
    if (held) held.remove();
    if (!text) return;
    const notice = document.createElement("div");
    notice.className = "notice notice-danger save-problem";
    notice.dataset.saveProblem = "";
    notice.setAttribute("role", "alert");
    notice.append(Object.assign(document.createElement("div"), { className: "notice-text", textContent: text }));
    form.querySelector(".save-bar").prepend(notice);
  }

  addEventListener("beforeunload", (event) => { if (present().some(([, state]) => state.dirty && !state.leaving)) event.preventDefault(); });
  addEventListener("pageshow", () => present().forEach(([form, state]) => free(form, state)));
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s" || !present().length) return;
    event.preventDefault();
    const form = present()[0][0];
    form.requestSubmit(form.querySelector("[type=submit]"));
  });

  const boxOf = (field) => (field && field.dataset.enriched && $(field).data("select2") ? $(field).data("select2").$selection[0] : field);

  function prepare(root) {
    all("select.my_select2, select.js-remote", root).forEach(enrich);
    all("form[data-guard]", root).forEach(guard);
    all("[data-error-summary] a", root).forEach((link) => link.addEventListener("click", (event) => {
      const box = boxOf(document.getElementById(link.hash.slice(1)));
      if (!box) return;
      event.preventDefault();
      box.focus();
      box.scrollIntoView({ block: "center" });
    }));
  }

  /** The first field that is wrong, else the summary, else (on a large screen) the first field. */
  function focusFirst(root) {
    const wrong = boxOf(root.querySelector("[aria-invalid=true]:not([disabled])"));
    const summary = root.querySelector("[data-error-summary]");
    const first = root.querySelector(".record-form .field input:not([type=hidden]):not([readonly]), .record-form .field select, .record-form .field textarea");
    if (wrong) { wrong.focus(); wrong.scrollIntoView({ block: "center" }); }
    else if (summary) summary.focus();
    else if (first && matchMedia("(min-width: 900px)").matches) first.focus({ preventScroll: true });
  }

  prepare(document);
  focusFirst(document);
})();
