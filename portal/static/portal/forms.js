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

  all("select.my_select2, select.js-remote").forEach(enrich);

  // Saving -----------------------------------------------------------------------------

  all("form[data-guard]").forEach((form) => {
    let dirty = Boolean(form.querySelector("[data-error-summary]"));
    let leaving = false;
    const note = form.querySelector("[data-unsaved]");
    const show = () => { note.hidden = !dirty; };

    form.addEventListener("input", () => { dirty = true; show(); });
    form.addEventListener("submit", (event) => {
      if (leaving) { event.preventDefault(); return; }
      leaving = true;
      if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
    });
    addEventListener("beforeunload", (event) => { if (dirty && !leaving) event.preventDefault(); });
    addEventListener("pageshow", () => {
      leaving = false;
      all("[aria-busy]", form).forEach((button) => button.removeAttribute("aria-busy"));
    });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
        event.preventDefault();
        form.requestSubmit(form.querySelector("[type=submit]"));
      }
    });
    show();
  });

  const summary = document.querySelector("[data-error-summary]");
  if (summary) {
    summary.focus();
    all("a", summary).forEach((link) => link.addEventListener("click", (event) => {
      const field = document.getElementById(link.hash.slice(1));
      const box = field && field.dataset.enriched && $(field).data("select2") ? $(field).data("select2").$selection[0] : field;
      if (!box) return;
      event.preventDefault();
      box.focus();
      box.scrollIntoView({ block: "center" });
    }));
  } else {
    const first = document.querySelector(".record-form .field input:not([type=hidden]):not([readonly]), .record-form .field select, .record-form .field textarea");
    if (first && matchMedia("(min-width: 900px)").matches) first.focus({ preventScroll: true });
  }
})();
