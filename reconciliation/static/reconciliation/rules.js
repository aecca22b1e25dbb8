// The rule editor: shows only the chosen way to say the conditions, and adds rows without asking the server. Without this
// script both ways are shown, and "More rows" asks the server.
(() => {
  "use strict";
  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector(".rule-editor");
    if (!form) return;

    const ways = form.querySelectorAll('input[name="as"]');
    const show = () => form.querySelectorAll("[data-way]").forEach((part) => {
      part.hidden = part.dataset.way !== form.querySelector('input[name="as"]:checked').value;
    });
    ways.forEach((way) => way.addEventListener("change", show));
    show();

    form.querySelector('button[value="more"]')?.addEventListener("click", (event) => {
      event.preventDefault();
      const first = add(form.querySelector('[data-rows="row"]'), "row");
      first?.querySelector("input")?.focus();
    });

    function add(list, prefix) {
      const rows = list.querySelectorAll(".rule-row");
      const copy = rows[rows.length - 1].cloneNode(true);
      copy.querySelectorAll(".rule-errors").forEach((errors) => errors.remove());
      copy.classList.remove("rule-row-wrong");
      copy.setAttribute("aria-label", copy.getAttribute("aria-label").replace(/\d+/, rows.length + 1));
      copy.querySelectorAll("[name]").forEach((input) => {
        input.name = input.name.replace(/^[a-z]+\d+/, prefix + rows.length);
        if (input.matches("select")) input.selectedIndex = 0; else input.value = "";
      });
      list.append(copy);
      return copy;
    }
  });
})();
