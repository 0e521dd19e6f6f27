"use strict";
// Figures are drawn when they come near the window: the page is there at once, whatever the study's size.
(function () {
  const NARROW_PX = 820;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map(); // element -> how it was drawn
  const chosen = {}; // id of a figure -> label of a control -> label of the option chosen in it
  let printing = false;

  function ink() {
    return dark.matches && !printing
      ? { text: "#e7eaef", paper: "rgba(20, 23, 28, 0.72)" }
      : { text: "#1b1f26", paper: "rgba(255, 255, 255, 0.72)" };
  }

  function colored(layout) {
    layout.font.color = ink().text;
    (layout.annotations || []).forEach((note) => { note.bgcolor = ink().paper; });
    return layout;
  }

  function isNarrow(place) { return place.clientWidth < NARROW_PX; }

  function draw(place) {
    const whole = JSON.parse(document.getElementById(place.dataset.plot).textContent);
    const narrow = isNarrow(place);
    const figure = narrow && whole.layout.meta.narrow ? whole.layout.meta.narrow : whole;
    drawn.set(place, { narrow: narrow, twofold: Boolean(whole.layout.meta.narrow) });
    if (figure.layout.height) place.style.height = figure.layout.height + "px";
    delete figure.layout.height;
    const controls = figure.layout.meta.controls;
    delete figure.layout.meta;
    figure.layout.uirevision = "kept"; // zooming lasts while the study goes on
    Plotly.react(place, figure.data, colored(figure.layout), {
      responsive: true,
      displaylogo: false,
      doubleClick: "reset",
      modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    });
    place.parentElement.querySelector(".controls").replaceChildren(...controls.map((one) => control(place, one)));
  }

  function control(place, content) {
    const known = (chosen[place.id] = chosen[place.id] || {});
    const set = (choice) => {
      known[content.label] = choice.label;
      Plotly.update(place, structuredClone(choice.traces), structuredClone(choice.layout));
    };
    const at = Math.max(0, content.options.findIndex((one) => one.label === known[content.label]));
    if (at) set(content.options[at]);
    const outer = document.createElement(content.kind === "menu" ? "label" : "div");
    outer.append(Object.assign(document.createElement("span"), { textContent: content.label }));
    if (content.kind === "menu") {
      const select = document.createElement("select");
      select.append(...content.options.map((one) => new Option(one.label)));
      select.selectedIndex = at;
      select.addEventListener("change", () => set(content.options[select.selectedIndex]));
      outer.append(select);
      return outer;
    }
    outer.setAttribute("role", "group");
    outer.setAttribute("aria-label", content.label);
    const buttons = content.options.map((one) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: one.label });
      button.addEventListener("click", () => { press(button); set(one); });
      return button;
    });
    const press = (pressed) => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === pressed)));
    press(buttons[at]);
    outer.append(...buttons);
    return outer;
  }

  function recolor() {
    drawn.forEach((_, place) => {
      const change = { "font.color": ink().text };
      (place.layout.annotations || []).forEach((_, at) => { change["annotations[" + at + "].bgcolor"] = ink().paper; });
      Plotly.relayout(place, change);
    });
  }

  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      near.unobserve(entry.target);
      if (!drawn.has(entry.target)) draw(entry.target);
    }),
    { rootMargin: "400px" }
  );

  function prepare(part) {
    part.querySelectorAll("[data-plot]").forEach((place) => near.observe(place));
    part.querySelectorAll("table.sortable").forEach(sortable);
    part.querySelectorAll(".copy").forEach((button) => button.addEventListener("click", () => copy(button)));
  }

  window.addEventListener("resize", () => drawn.forEach((state, place) => {
    if (state.twofold && state.narrow !== isNarrow(place)) draw(place);
  }));
  dark.addEventListener("change", recolor);

  // On paper everything is there: all figures, dark on white, and what is folded away.
  window.addEventListener("beforeprint", () => {
    printing = true;
    document.querySelectorAll("details:not([open])").forEach((part) => { part.open = true; part.dataset.folded = ""; });
    document.querySelectorAll("[data-plot]").forEach((place) => { if (!drawn.has(place)) draw(place); });
    recolor();
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    document.querySelectorAll("details[data-folded]").forEach((part) => { part.open = false; delete part.dataset.folded; });
    recolor();
  });

  function sortable(table) {
    Array.from(table.tHead.rows[0].cells).forEach((title, at) => title.querySelector("button").addEventListener(
      "click", () => resort(table, at, title.getAttribute("aria-sort") === "ascending" ? -1 : 1)
    ));
  }

  function resort(table, at, sign) {
    const titles = Array.from(table.tHead.rows[0].cells);
    titles.forEach((one) => one.removeAttribute("aria-sort"));
    titles[at].setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
    sort(table, at, sign);
  }

  function sorting(table) {
    const titles = Array.from(table.tHead.rows[0].cells, (one) => one.getAttribute("aria-sort"));
    const at = titles.findIndex(Boolean);
    return at < 0 ? null : [at, titles[at] === "descending" ? -1 : 1];
  }

  function sort(table, at, sign) {
    const key = (row) => {
      const cell = row.cells[at], data = cell.querySelector("data");
      return data ? (data.hasAttribute("value") ? Number(data.value) : null) : cell.textContent;
    };
    const rows = Array.from(table.tBodies[0].rows, (row) => [key(row), row]);
    const kind = (value) => (value === null ? 2 : typeof value === "number" ? 0 : 1); // what has no value is last
    rows.sort(([a], [b]) => {
      if (kind(a) !== kind(b)) return kind(a) - kind(b);
      return sign * (typeof a === "number" ? a - b : String(a).localeCompare(String(b)));
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    let done = true;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch (refused) {
      window.getSelection().selectAllChildren(code);
      done = document.execCommand("copy");
    }
    button.textContent = done ? "Copied" : "Press Ctrl-C";
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  }

  // The dashboard's pages follow the database.
  const live = Number(document.body.dataset.live);
  let shown = live ? document.documentElement.outerHTML : ""; // before anything is drawn

  async function refresh() {
    if (document.hidden) return;
    const answer = await fetch(location.href, { cache: "no-cache" });
    const text = answer.ok ? await answer.text() : shown;
    if (text === shown) return;
    const before = shown, fresh = new DOMParser().parseFromString(text, "text/html");
    shown = text;
    const ids = (of) => Array.from(of.querySelectorAll("main > section"), (one) => one.id).join();
    if (ids(fresh) !== ids(document)) { location.reload(); return; }
    document.querySelector("body > header").replaceWith(fresh.querySelector("body > header"));
    const old = new DOMParser().parseFromString(before, "text/html");
    fresh.querySelectorAll("main > section").forEach((section) => {
      if (section.outerHTML !== old.getElementById(section.id).outerHTML) replace(section);
    });
  }

  function replace(section) {
    const old = document.getElementById(section.id);
    const open = Array.from(old.querySelectorAll("details"), (part) => part.open);
    const scrolled = Array.from(old.querySelectorAll(".scroll"), (part) => [part.scrollLeft, part.scrollTop]);
    const sorted = Array.from(old.querySelectorAll("table.sortable"), sorting);
    const places = new Map(Array.from(old.querySelectorAll("[data-plot]"), (place) => [place.id, place]));
    section.querySelectorAll("[data-plot]").forEach((place) => {
      const kept = places.get(place.id);
      if (!kept) return;
      place.parentElement.querySelector(".controls").replaceWith(kept.parentElement.querySelector(".controls"));
      place.replaceWith(kept);
    });
    places.forEach((place) => { if (!section.contains(place)) drawn.delete(place); });
    old.replaceWith(section);
    prepare(section);
    section.querySelectorAll("details").forEach((part, at) => { if (at in open) part.open = open[at]; });
    section.querySelectorAll("table.sortable").forEach((table, at) => { if (sorted[at]) resort(table, ...sorted[at]); });
    section.querySelectorAll(".scroll").forEach((part, at) => { if (scrolled[at]) part.scrollTo(...scrolled[at]); });
    section.querySelectorAll("[data-plot]").forEach((place) => { if (drawn.has(place)) draw(place); });
  }

  if (live) {
    const follow = () => refresh().catch(() => {}); // the dashboard may be stopped and started again
    setInterval(follow, 1000 * live);
    document.addEventListener("visibilitychange", follow);
  }

  prepare(document);
})();
