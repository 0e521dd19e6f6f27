"use strict";
// The way back leads to our page of the study that is shown: optuna-dashboard changes the address without loading a page.
document.addEventListener("click", (event) => {
  const link = event.target.closest("#keras-studies");
  const study = /^\/dashboard\/studies\/(\d+)/.exec(location.pathname);
  if (!link || !study) return;
  const trial = new URLSearchParams(location.search).get("numbers");
  link.href = "/studies/" + study[1] + (/\/trials/.test(location.pathname) && /^\d+$/.test(trial) ? "/trials/" + trial : "");
}, true);
