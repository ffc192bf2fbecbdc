/* The matrix of a role: what a change means is asked of the server while cells are changed. Works as a plain form without this. */
(() => {
  const form = document.querySelector("[data-role-form]");
  if (!form) return;
  const panel = form.querySelector("[data-role-panel]");
  let asked = 0, timer = 0;

  const ask = async () => {
    const number = ++asked, reason = form.querySelector("[name=reason]")?.value || "";
    const body = new URLSearchParams(new FormData(form));
    body.delete("shown");
    body.set("panel", "1");
    panel.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Requested-With": "fetch" } });
      const text = answer.ok ? await answer.text() : "";
      if (number !== asked) return;
      if (!text) { form.requestSubmit(form.querySelector("[data-role-check]")); return; }
      panel.innerHTML = text;
      const field = panel.querySelector("[name=reason]");
      if (field) field.value = reason;
    } catch (offline) {
      if (number === asked) form.requestSubmit(form.querySelector("[data-role-check]"));
    } finally {
      if (number === asked) panel.removeAttribute("aria-busy");
    }
  };

  form.addEventListener("change", (event) => {
    const cell = event.target;
    if (cell.matches("select.scope")) {
      for (const name of [...cell.classList]) if (name.startsWith("scope-")) cell.classList.remove(name);
      cell.classList.add(`scope-${cell.value}`);
      cell.classList.toggle("is-changed", cell.value !== cell.dataset.was || cell.hasAttribute("title"));
      cell.closest("[data-resource]")?.toggleAttribute("data-differs", true);
    } else if (!cell.matches("#label, #description")) return;
    /* What was previewed is no longer what would be proposed. */
    form.querySelector("[name=shown]")?.remove();
    clearTimeout(timer);
    timer = setTimeout(ask, 350);
  });

  const rows = [...form.querySelectorAll("tr[data-resource], details[data-resource]")];
  const box = form.querySelector("[data-role-filter]"), only = form.querySelector("[data-role-only]");
  box.hidden = only.hidden = false;
  const narrow = () => {
    const words = box.querySelector("input").value.trim().toLowerCase(), differing = only.querySelector("input").checked;
    for (const row of rows) {
      row.hidden = (words && !row.dataset.resource.toLowerCase().includes(words)) || (differing && !row.hasAttribute("data-differs"));
    }
    for (const group of form.querySelectorAll(".role-matrix tbody")) {
      group.hidden = ![...group.querySelectorAll("tr[data-resource]")].some((row) => !row.hidden);
    }
  };
  box.addEventListener("input", narrow);
  box.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  only.addEventListener("change", narrow);

  const open = () => {
    const target = location.hash.startsWith("#fields-") && document.getElementById(location.hash.slice(1));
    if (target) target.open = true;
  };
  window.addEventListener("hashchange", open);
  open();
})();
