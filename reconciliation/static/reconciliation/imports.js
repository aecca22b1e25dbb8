// Follows files that are being read: the list's rows are put in place as they change, the page of one is loaded again when
// it has been read. Without this script a reload shows the same.
(() => {
  "use strict";
  const POLL_MS = 1500;
  const unfinished = () => document.querySelector("[data-unfinished]");
  const parts = ["#result_list", ".tieout-bar .tieout-summary"];

  async function look() {
    if (!unfinished()) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { credentials: "same-origin" });
        const found = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (answer.ok && !answer.redirected) show(found);
      } catch { /* asked again in a moment */ }
    }
    setTimeout(look, POLL_MS);
  }

  function show(found) {
    const list = document.querySelector("#result_list");
    if (!list) {
      if (!found.querySelector("[data-unfinished]")) location.reload();
      return;
    }
    if (list.contains(document.activeElement) && document.activeElement.matches("input")) return; // ticking
    parts.forEach((selector) => {
      const [old, now] = [document.querySelector(selector), found.querySelector(selector)];
      if (old && now) old.replaceWith(now);
    });
    const voice = document.getElementById("import-voice");
    if (voice && !unfinished()) voice.textContent = voice.dataset.done;
  }

  document.addEventListener("DOMContentLoaded", () => setTimeout(look, POLL_MS));
})();
