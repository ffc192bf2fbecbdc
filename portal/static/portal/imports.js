/* Import centre: progress of a batch, forms that are sent once, mappings of the chosen kind. All of it works without, too. */
(function () {
  "use strict";

  const { all } = window.portal;

  // Progress --------------------------------------------------------------------------

  const job = document.querySelector("[data-job]");
  if (job) {
    const bar = job.querySelector("progress");
    const message = job.querySelector("[data-job-message]");
    const share = job.querySelector("[data-job-share]");

    async function ask() {
      try {
        const response = await fetch(job.dataset.job, { headers: { Accept: "application/json" } });
        if (!response.ok) throw new Error(response.status);
        const state = await response.json();
        if (!state.working) { location.reload(); return; }
        if (state.message) message.textContent = state.message;
        if (state.total) {
          bar.max = state.total;
          bar.value = state.done;
          share.textContent = Math.floor((100 * state.done) / state.total) + " %";
        }
      } catch (unreachable) { /* asked again in a second */ }
      setTimeout(ask, 1000);
    }
    setTimeout(ask, 500);
  }

  // Sent once ---------------------------------------------------------------------------

  all("form[data-once], form[data-import-form]").forEach((form) => {
    let sent = false;
    form.addEventListener("submit", (event) => {
      if (sent) { event.preventDefault(); return; }
      sent = true;
      if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
    });
    addEventListener("pageshow", () => {
      sent = false;
      all("[aria-busy]", form).forEach((button) => button.removeAttribute("aria-busy"));
    });
  });

  // Mappings of the chosen kind ---------------------------------------------------------

  const form = document.querySelector("[data-import-form]");
  const mappings = form && form.querySelector("#mapping");
  if (mappings) {
    const show = () => {
      const kind = form.elements.kind.value;
      all("optgroup", mappings).forEach((group) => {
        const fits = !kind || group.dataset.kind === kind;
        group.hidden = group.disabled = !fits;
        if (!fits && group.contains(mappings.selectedOptions[0])) mappings.value = "";
      });
    };
    form.addEventListener("change", show);
    show();
  }
})();
