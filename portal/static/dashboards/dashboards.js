/* Dashboards: figures in the colours of the theme, chart or table, files, printing, and saying what went wrong. */
(function () {
  "use strict";

  const root = document.documentElement;
  const messages = JSON.parse(document.getElementById("dashboard-messages").textContent);

  // Figures ------------------------------------------------------------------

  /** What the server drew, with the names of colours, by the id of its graph. */
  const drawn = new Map();

  /** The value with every "var(--name)" in it replaced by what the name stands for now. */
  function coloured(value, style = getComputedStyle(root)) {
    if (typeof value === "string") {
      const name = /^var\((--[\w-]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((item) => coloured(item, style));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, coloured(item, style)]));
    return value;
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    dashboards: {
      /** A figure of the server as the graph takes it, and the graph's height. */
      paint(figure, id) {
        if (!figure) {
          drawn.delete(id);
          return [window.dash_clientside.no_update, window.dash_clientside.no_update];
        }
        drawn.set(id, figure);
        return [coloured(figure), { height: `${figure.layout.height}px` }];
      },
    },
  });

  /** Draws every figure again, in the present colours; `layout` lays something over its layout. */
  function repaint(layout) {
    drawn.forEach((figure, id) => {
      const graph = document.getElementById(id);
      const plot = graph && graph.querySelector(".js-plotly-plot");
      if (!plot) return;
      const again = coloured(figure);
      window.Plotly.react(plot, again.data, { ...again.layout, ...layout }, plot._context);
    });
  }

  function showTheme() {
    window.dash_clientside.set_props("mantine", { forceColorScheme: window.portal.resolvedTheme() });
  }

  document.addEventListener("portal:theme", () => {
    if (!window.dash_clientside.set_props) return;
    showTheme();
    repaint();
  });

  // Mantine is told as soon as it is there.
  const entry = document.getElementById("react-entry-point");
  new MutationObserver((_changes, observer) => {
    if (!document.getElementById("page") || !window.dash_clientside.set_props) return;
    observer.disconnect();
    showTheme();
  }).observe(entry, { childList: true, subtree: true });

  // Paper is always light, and narrower than the screen.
  const PAPER = 660;
  let themeBefore = null;
  window.addEventListener("beforeprint", () => {
    themeBefore = root.dataset.theme;
    root.dataset.theme = "light";
    repaint({ width: PAPER, autosize: false });
  });
  window.addEventListener("afterprint", () => {
    root.dataset.theme = themeBefore;
    repaint();
  });

  /** What the page is asked, as it stands in the address; the choice of language is no part of it. */
  function asked() {
    const search = new URLSearchParams(location.search);
    search.delete("_l_");
    return search.toString();
  }

  // Chart or table, picture, file -----------------------------------------------

  document.addEventListener("click", (event) => {
    const file = event.target.closest("[data-follows-filters]");
    if (file) file.search = asked();
    const tool = event.target.closest(".chart-tools button, .chart-tools a");
    if (!tool) return;
    const card = tool.closest(".chart-card");
    if (tool.dataset.view) {
      card.dataset.shown = tool.dataset.view;
      card.querySelectorAll("[data-view]").forEach((button) => button.setAttribute("aria-pressed", String(button === tool)));
      if (tool.dataset.view === "chart") window.dispatchEvent(new Event("resize"));
    } else if ("png" in tool.dataset) {
      const plot = card.querySelector(".js-plotly-plot");
      if (plot) window.Plotly.downloadImage(plot, { format: "png", scale: 2, width: plot.clientWidth, height: plot.clientHeight, filename: card.dataset.name });
    } else if ("csv" in tool.dataset) tool.search = asked();
  });

  // What went wrong ----------------------------------------------------------------

  const alert = document.getElementById("dashboard-alert");
  alert.querySelector("button").addEventListener("click", () => location.reload());

  function tell(text) {
    alert.querySelector("strong").textContent = messages.failed;
    alert.querySelector("p").textContent = text;
    alert.hidden = false;
  }

  /** Says in the place of what a callback should have brought that it did not come; what is there no longer fits the filters. */
  function tellInPlace(request, text) {
    const { outputs } = JSON.parse(request);
    [outputs].flat().filter((output) => output.property === "children").forEach(({ id }) => {
      const place = document.getElementById(id);
      if (!place) return;
      if (place.matches(".tiles")) window.dash_clientside.set_props(id, { children: null });
      else if (place.matches("#page, .answer, .chart-rows")) window.dash_clientside.set_props(id, { children: failure(text) });
    });
  }

  /** The server's own message of a failure (dashboards/states.py), made here when the server could not make it. */
  function failure(text) {
    const element = (type, className, children) => ({ namespace: "dash_html_components", type, props: { className, children } });
    return element("Div", "card-message card-message-error", [
      element("I", "fa fa-fw fa-triangle-exclamation"),
      element("P", "card-message-title", messages.part),
      element("P", "card-message-text", text),
    ]);
  }

  async function reason(response) {
    try {
      const { message, reference } = await response.clone().json();
      return [message, reference && messages.reference.replace("{number}", reference)].filter(Boolean).join(" ");
    } catch (notJson) {
      return `${response.status} ${response.statusText}`;
    }
  }

  // Dash keeps failures to itself: what it fetches is watched here.
  const plainFetch = window.fetch;
  window.fetch = async function (address, options) {
    const path = String(address.url || address);
    const mine = path.includes("/dashboards/_dash-");
    const failed = (text) => {
      if (!mine) return;
      tell(text);
      if (path.includes("_dash-update-component")) tellInPlace(options.body, text);
    };
    try {
      const response = await plainFetch.call(window, address, options);
      if (mine && response.status >= 400) failed(await reason(response));
      return response;
    } catch (unreachable) {
      failed(messages.unreachable);
      throw unreachable;
    }
  };
})();
