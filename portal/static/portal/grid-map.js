/* The map of grids: cells in the colours of the theme, one grid pointed at or chosen, its facts beside the map, a legend. */
(function () {
  "use strict";

  const home = document.getElementById("grid-map");
  if (!home) return;
  const messages = JSON.parse(document.getElementById("map-messages").textContent);
  const canvas = home.querySelector(".map-canvas");
  const facts = home.querySelector(".map-facts");
  const legend = home.querySelector(".map-legend");
  const CHART = 8, STEPS = 6;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const element = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  Promise.all([home.dataset.outlines, home.dataset.figures].map(async (address) => {
    const response = await fetch(address, { credentials: "same-origin" });
    if (!response.ok) throw new Error(response.statusText);
    return response.json();
  })).then(draw).catch(() => {
    home.querySelector(".map-problem").hidden = false;
    canvas.removeAttribute("aria-busy");
  });

  function draw([outlines, told]) {
    // What is known of each grid -------------------------------------------------

    const { columns } = told;
    const place = new Map(columns.id.map((id, row) => [id, row]));
    const features = new ol.GeoJSON({ featureProjection: "EPSG:3857" }).readFeatures(outlines);
    const cells = features.filter((feature) => feature.getId() !== undefined);
    const lines = features.filter((feature) => feature.getId() === undefined);
    const byId = new Map(cells.map((cell) => [cell.getId(), cell]));
    const middle = (cell) => {
      const [west, south, east, north] = cell.getGeometry().getExtent();
      return [(west + east) / 2, (south + north) / 2];
    };
    const rowOf = (cell) => place.get(cell.getId());
    const matching = cells.filter((cell) => rowOf(cell) !== undefined);

    /** Stretches of border as [start, end, row of one side, row of the other or undefined]. */
    function borders() {
      const found = new Map();
      const key = (point) => `${Math.round(point[0])},${Math.round(point[1])}`;
      for (const cell of matching) {
        const shape = cell.getGeometry();
        const polygons = shape.getType() === "Polygon" ? [shape.getCoordinates()] : shape.getCoordinates();
        for (const [ring] of polygons) {
          for (let n = 1; n < ring.length; n += 1) {
            const ends = [key(ring[n - 1]), key(ring[n])].sort().join(" ");
            if (found.has(ends)) found.get(ends)[3] = rowOf(cell);
            else found.set(ends, [ring[n - 1], ring[n], rowOf(cell), undefined]);
          }
        }
      }
      return [...found.values()].filter(([, , one, other]) => other !== undefined && columns.manager[one] !== columns.manager[other]);
    }

    /** A number for each manager, such that neighbours differ as long as there are enough. */
    function numbered(edges) {
      const beside = told.managers.map(() => new Set());
      for (const [, , one, other] of edges) {
        beside[columns.manager[one]].add(columns.manager[other]);
        beside[columns.manager[other]].add(columns.manager[one]);
      }
      const given = [];
      const used = new Array(CHART).fill(0);
      const order = told.managers.map((_name, n) => n).sort((a, b) => beside[b].size - beside[a].size);
      for (const manager of order) {
        const taken = new Set([...beside[manager]].map((other) => given[other]));
        const free = used.map((_count, n) => n).filter((n) => !taken.has(n));
        const choice = (free.length ? free : used.map((_count, n) => n)).sort((a, b) => used[a] - used[b])[0];
        given[manager] = choice;
        used[choice] += 1;
      }
      return given;
    }

    const edges = borders();
    const colourOf = numbered(edges);
    let measure = home.dataset.by;

    /** The class of a grid: -2 not in this search, -1 nothing to colour, else the number of its colour. */
    function step(cell) {
      const row = rowOf(cell);
      if (row === undefined) return -2;
      if (measure !== "manager") return told.measures[measure].steps[row];
      const manager = columns.manager[row];
      return manager === told.unassigned ? -1 : colourOf[manager];
    }

    // Styles, anew for each theme -----------------------------------------------

    let styles, picked, pointed;
    function dress() {
      const { Style, Fill, Stroke } = ol;
      const seam = new Stroke({ color: colour("surface"), width: 0.6 });
      const filled = (name) => new Style({ fill: new Fill({ color: colour(name) }), stroke: seam });
      styles = {
        sequence: Array.from({ length: STEPS }, (_x, n) => filled(`sequence-${n + 1}`)),
        chart: Array.from({ length: CHART }, (_x, n) => filled(`chart-${n + 1}`)),
        none: new Style({ fill: new Fill({ color: colour("surface-sunken") }), stroke: new Stroke({ color: colour("border-strong"), width: 0.8 }) }),
        outside: new Style({ fill: new Fill({ color: "transparent" }), stroke: new Stroke({ color: colour("border"), width: 0.8 }) }),
        line: new Style({ stroke: new Stroke({ color: colour("text-soft"), width: 1.6 }) }),
        territory: new Style({ stroke: new Stroke({ color: colour("text"), width: 1.3 }) }),
      };
      const halo = (inner, width, lineDash) => [
        new Style({ stroke: new Stroke({ color: colour("surface"), width: width + 3 }) }),
        new Style({ stroke: new Stroke({ color: colour(inner), width, lineDash }) }),
      ];
      picked = halo("danger", 3);
      pointed = halo("text", 2);
    }

    const spread = () => {
      const held = measure === "manager" ? 0 : told.measures[measure].words.length;
      // Few classes are spread over the whole scale, so that they stay as far apart as can be.
      return held < 2 ? [STEPS - 2] : Array.from({ length: held }, (_x, n) => Math.round((n * (STEPS - 1)) / (held - 1)));
    };
    let scale = spread();
    const styleOf = (cell) => {
      const n = step(cell);
      if (n === -2) return styles.outside;
      if (n === -1) return styles.none;
      return measure === "manager" ? styles.chart[n] : styles.sequence[scale[n]];
    };

    // Layers ----------------------------------------------------------------------

    const source = (held) => new ol.VectorSource({ features: held });
    const ground = new ol.VectorImageLayer({ source: source(cells), style: styleOf, imageRatio: 1.4 });
    const territory = new ol.VectorLayer({
      source: source([new ol.Feature(new ol.MultiLineString(edges.map(([start, end]) => [start, end])))]),
      style: () => styles.territory,
    });
    const frame = new ol.VectorLayer({ source: source(lines), style: () => styles.line });
    const marks = source([]);
    const marked = new ol.VectorLayer({ source: marks, style: (feature) => (feature.get("picked") ? picked : pointed) });
    const names = new ol.VectorLayer({ source: source(townNames()), style: townStyle, declutter: true });

    function townNames() {
      const sums = new Map();
      for (const cell of matching) {
        const town = columns.town[rowOf(cell)], [x, y] = middle(cell);
        const sum = sums.get(town) || [0, 0, 0];
        sums.set(town, [sum[0] + x, sum[1] + y, sum[2] + 1]);
      }
      return [...sums].map(([town, [x, y, count]]) => new ol.Feature({ geometry: new ol.Point([x / count, y / count]), name: told.towns[town] }));
    }
    function townStyle(feature) {
      return new ol.Style({
        text: new ol.Text({
          text: feature.get("name"), font: `600 13px ${colour("font-sans")}`, overflow: true,
          fill: new ol.Fill({ color: colour("text") }), stroke: new ol.Stroke({ color: colour("surface"), width: 4 }),
        }),
      });
    }

    dress();
    const view = new ol.View({ constrainResolution: false });
    const map = new ol.Map({
      target: canvas, controls: [], view, layers: [ground, territory, frame, marked, names],
      interactions: ol.interactions({ keyboard: false, altShiftDragRotate: false, pinchRotate: false }),
    });
    const everything = () => {
      const extent = source(matching).getExtent();
      if (matching.length === cells.length) for (const line of lines) extend(extent, line.getGeometry().getExtent());
      return extent;
    };
    const extend = (extent, more) => {
      extent[0] = Math.min(extent[0], more[0]);
      extent[1] = Math.min(extent[1], more[1]);
      extent[2] = Math.max(extent[2], more[2]);
      extent[3] = Math.max(extent[3], more[3]);
    };
    const still = matchMedia("(prefers-reduced-motion: reduce)");
    const fit = (duration) => view.fit(everything(), { padding: [18, 18, 18, 18], duration: still.matches ? 0 : duration, maxZoom: 16 });
    map.updateSize();
    fit(0);
    view.setMinZoom(view.getZoom() - 2);
    map.once("rendercomplete", () => canvas.removeAttribute("aria-busy"));

    const sources = [...new Set(lines.map((line) => line.get("source")).filter(Boolean))];
    if (sources.length) {
      const line = home.querySelector(".map-source");
      line.textContent = messages.source.replace("{source}", sources.join("; "));
      line.hidden = false;
    }

    // One grid pointed at, one chosen ------------------------------------------------

    let chosen = null, under = null;
    const record = (cell) => home.dataset.record && home.dataset.record.replace(/0$/, cell.getId());
    const open = (cell) => { if (record(cell)) location.assign(record(cell)); };

    function tell() {
      const cell = under || chosen;
      facts.replaceChildren();
      if (!cell) {
        facts.append(element("p", messages.hint, "muted"));
        return;
      }
      const row = rowOf(cell);
      const title = element("h2");
      const link = element(record(cell) ? "a" : "span", columns.name[row]);
      if (record(cell)) link.href = record(cell);
      title.append(link);
      const list = element("dl");
      const fact = (term, text, name) => {
        const line = element("div", undefined, name);
        line.append(element("dt", term), element("dd", text));
        list.append(line);
      };
      fact(messages.code, columns.code[row]);
      fact(messages.town, told.towns[columns.town[row]]);
      fact(messages.kind, told.kinds[columns.kind[row]]);
      fact(messages.manager, told.managers[columns.manager[row]]);
      told.figures.forEach((figure) => fact(figure.heading, figure.texts[row], "map-figure"));
      facts.append(title, list);
      if (record(cell)) {
        const button = element("a", messages.open, "btn btn-default");
        button.href = record(cell);
        facts.append(button);
      }
    }

    function mark() {
      marks.clear();
      for (const [cell, own] of [[under, false], [chosen, true]]) {
        if (cell) marks.addFeature(new ol.Feature({ geometry: cell.getGeometry(), picked: own }));
      }
      tell();
    }

    function choose(cell) {
      chosen = cell && rowOf(cell) !== undefined ? cell : null;
      const address = new URL(location);
      if (chosen) address.searchParams.set("grid", chosen.getId());
      else address.searchParams.delete("grid");
      history.replaceState(null, "", address);
      mark();
    }

    const at = (pixel) => {
      const found = source_at(map.getCoordinateFromPixel(pixel));
      return found && rowOf(found) !== undefined ? found : null;
    };
    const source_at = (point) => ground.getSource().getFeaturesAtCoordinate(point)[0];

    map.on("pointermove", (event) => {
      if (event.dragging || event.originalEvent.pointerType === "touch") return;
      const cell = at(event.pixel);
      canvas.style.cursor = cell ? "pointer" : "";
      if (cell === under) return;
      under = cell;
      mark();
    });
    canvas.addEventListener("pointerleave", () => { under = null; mark(); });
    map.on("singleclick", (event) => {
      const cell = at(event.pixel);
      if (cell && cell === chosen) open(cell);
      else choose(cell);
    });

    // Keys and buttons --------------------------------------------------------------------

    const zoom = (by) => view.animate({ zoom: view.getZoom() + by, duration: still.matches ? 0 : 150 });
    const acts = { in: () => zoom(0.7), out: () => zoom(-0.7), fit: () => fit(200) };
    home.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", acts[button.dataset.zoom]));

    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    function step_to([dx, dy]) {
      const from = chosen ? middle(chosen) : view.getCenter();
      let best = null, least = Infinity;
      for (const cell of matching) {
        if (cell === chosen) continue;
        const [x, y] = middle(cell);
        const along = (x - from[0]) * dx + (y - from[1]) * dy, across = Math.abs((x - from[0]) * dy) + Math.abs((y - from[1]) * dx);
        const far = chosen ? along + 2 * across : Math.hypot(along, across);
        if ((chosen ? along > across / 2 && along > 0 : true) && far < least) [best, least] = [cell, far];
      }
      if (!best) return;
      choose(best);
      const [x, y] = map.getPixelFromCoordinate(middle(best)), [width, height] = map.getSize();
      if (x < 30 || y < 30 || x > width - 30 || y > height - 30) view.animate({ center: middle(best), duration: still.matches ? 0 : 150 });
    }
    canvas.addEventListener("keydown", (event) => {
      const way = ways[event.key];
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (way) step_to(way);
      else if (event.key === "+" || event.key === "=") acts.in();
      else if (event.key === "-") acts.out();
      else if (event.key === "0") acts.fit();
      else if (event.key === "Enter" && chosen) open(chosen);
      else if (event.key === "Escape") choose(null);
      else return;
      event.preventDefault();
    });

    // Colours: measure, legend, theme ----------------------------------------------------------

    function explain() {
      const manager = measure === "manager";
      const words = manager ? [] : told.measures[measure].words;
      const counts = new Map();
      for (const cell of cells) counts.set(step(cell), (counts.get(step(cell)) || 0) + 1);
      const list = element("ul");
      const entry = (swatch, text, count) => {
        const line = element("li");
        line.append(element("i", undefined, `map-swatch ${swatch}`), element("span", text), element("span", count === undefined ? "" : count.toLocaleString(), "map-count"));
        list.append(line);
      };
      words.forEach((text, n) => entry(`map-step-${scale[n] + 1}`, text, counts.get(n) || 0));
      if (manager && told.managers.length <= CHART) {
        told.managers.forEach((name, n) => { if (n !== told.unassigned) entry(`map-chart-${colourOf[n] + 1}`, name, matching.filter((cell) => columns.manager[rowOf(cell)] === n).length); });
      }
      if (counts.get(-1)) entry("map-none", manager ? messages.unassigned : messages.none, counts.get(-1));
      if (counts.get(-2)) entry("map-outside", messages.outside, counts.get(-2));
      if (edges.length) entry("map-territory", messages.territory);
      legend.replaceChildren(element("h2", manager ? messages.manager : told.measures[measure].heading), list);
      if (manager) legend.append(element("p", messages.colours, "muted"));
    }

    function show(by) {
      measure = by;
      scale = spread();
      ground.changed();
      explain();
    }

    document.querySelectorAll("[data-measure]").forEach((link) => link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      document.querySelectorAll("[data-measure]").forEach((other) => other.toggleAttribute("aria-current", false));
      link.setAttribute("aria-current", "true");
      const address = new URL(location);
      address.searchParams.set("by", link.dataset.measure);
      history.replaceState(null, "", address);
      show(link.dataset.measure);
    }));
    document.addEventListener("portal:theme", () => {
      dress();
      [ground, territory, frame, marked, names].forEach((layer) => layer.changed());
    });
    new ResizeObserver(() => map.updateSize()).observe(canvas);

    explain();
    const asked = byId.get(Number(home.dataset.chosen));
    if (asked && rowOf(asked) !== undefined) {
      choose(asked);
      view.setCenter(middle(asked));
      view.setZoom(view.getZoom() + 1.2);
    }
  }
})();
