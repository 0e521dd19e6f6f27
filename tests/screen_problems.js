(dark) => {
  // What is wrong with a page: text that is cut, broken between letters, lies on other text of its figure, or makes
  // the page too wide, and figures that do not follow its color scheme.
  const found = [];
  const wide = document.documentElement.clientWidth;
  const box = (element) => element.getBoundingClientRect();
  const named = (element) => (element.textContent || element.tagName).trim().slice(0, 40);

  function scrolls(element) {
    for (let at = element.parentElement; at; at = at.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(at).overflowX)) return true;
    }
    return false;
  }

  const all = document.documentElement.scrollWidth;
  if (all > wide) found.push(`the page is ${all} px wide`);
  document.querySelectorAll("body *:not(svg *):not(script):not(.skip)").forEach((element) => {
    const { left, right, width, height } = box(element), style = getComputedStyle(element);
    const drawn = element.closest(".js-plotly-plot, svg"); // figures are looked at below
    if (!width || !height || style.visibility === "hidden" || drawn) return;
    if ((right > wide + 1 || left < -1) && !scrolls(element)) found.push(`beyond the page: ${named(element)}`);
    const letter = parseFloat(style.fontSize);
    if (!element.childElementCount && element.textContent.trim().length > 4 && width < 2 * letter && height > 4 * letter) {
      found.push(`broken: ${named(element)}`);
    }
    const hides = ["hidden", "clip"].includes(style.overflowX);
    if (hides && element.scrollWidth > element.clientWidth + 1 && element.textContent.trim()) {
      found.push(`cut: ${named(element)}`);
    }
  });

  function isShown(text) {
    const turned = /rotate\((-?[\d.]+)/.exec(text.getAttribute("transform") || "");
    const straight = !turned || Math.abs(turned[1]) % 90 < 1; // the boxes of oblique texts are larger than these
    return straight && text.textContent.trim() && box(text).width && !text.closest(".hoverlayer, .modebar");
  }

  document.querySelectorAll(".js-plotly-plot").forEach((plot) => {
    const frame = box(plot);
    const texts = Array.from(plot.querySelectorAll("svg text")).filter(isShown).map((text) => [named(text), box(text)]);
    texts.forEach(([name, one], at) => {
      const inside = one.left > frame.left - 1 && one.right < frame.right + 1;
      if (!inside || one.top < frame.top - 1 || one.bottom > frame.bottom + 1) found.push(`${plot.id}: cut: ${name}`);
      texts.slice(at + 1).forEach(([other, two]) => {
        const across = Math.min(one.right, two.right) - Math.max(one.left, two.left);
        const down = Math.min(one.bottom, two.bottom) - Math.max(one.top, two.top);
        if (across > 1.5 && down > 2.5) found.push(`${plot.id}: ${name} lies on ${other}`);
      });
    });
    if (plot.layout.font.color !== (dark ? "#e7eaef" : "#1b1f26")) found.push(`${plot.id} has another color scheme`);
  });
  const paper = getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).map(Number);
  if ((Math.max(...paper) < 128) !== dark) found.push("the page has another color scheme");
  return found;
}
