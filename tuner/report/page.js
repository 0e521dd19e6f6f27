"use strict";
// Figures are drawn when they come near the window: the page is there at once, whatever the study's size.
(function () {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const plots = Array.from(document.querySelectorAll("[data-plot]"));
  const drawn = new Set();
  let printing = false;

  function ink() {
    return dark.matches && !printing ? { text: "#e7eaef", menu: "#1d2128" } : { text: "#1b1f26", menu: "#ffffff" };
  }

  function draw(place) {
    if (drawn.has(place)) return;
    drawn.add(place);
    const figure = JSON.parse(document.getElementById(place.dataset.plot).textContent);
    figure.layout.font.color = ink().text;
    (figure.layout.updatemenus || []).forEach((menu) => { menu.bgcolor = ink().menu; });
    Plotly.newPlot(place, figure.data, figure.layout, {
      responsive: true,
      displaylogo: false,
      modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
    });
  }

  function recolour() {
    drawn.forEach((place) => {
      const change = { "font.color": ink().text };
      (place.layout.updatemenus || []).forEach((_, at) => { change["updatemenus[" + at + "].bgcolor"] = ink().menu; });
      Plotly.relayout(place, change);
    });
  }

  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      near.unobserve(entry.target);
      draw(entry.target);
    }),
    { rootMargin: "400px" }
  );
  plots.forEach((place) => near.observe(place));
  dark.addEventListener("change", recolour);

  // On paper everything is there: all figures, dark on white, and what is folded away.
  window.addEventListener("beforeprint", () => {
    printing = true;
    document.querySelectorAll("details:not([open])").forEach((part) => { part.open = true; part.dataset.folded = ""; });
    plots.forEach(draw);
    recolour();
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    document.querySelectorAll("details[data-folded]").forEach((part) => { part.open = false; delete part.dataset.folded; });
    recolour();
  });

  document.querySelectorAll(".copy").forEach((button) => button.addEventListener("click", async () => {
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
  }));
})();
