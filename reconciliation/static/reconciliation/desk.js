// The page of a run without reloading: links and forms marked data-desk fetch the part that changed and put it in place.
// Without this script the same links and forms work as they are. Amounts are whole minor units, as BigInt.
(() => {
  "use strict";
  const POLL_MS = 1500;
  const PLAN_MS = 150;
  let busy = false;
  let polling = 0;
  let foreseeing = 0;
  let foreseen = 0;
  const desk = () => document.getElementById("desk");
  const all = (selector, root = desk()) => [...root.querySelectorAll(selector)];

  const voice = document.createElement("div"); // says to screen readers what happened; stays while the desk is replaced
  voice.className = "sr-only";
  voice.setAttribute("aria-live", "polite");

  // --- Fetching -----------------------------------------------------------------------------------------------

  async function ask(url, options, focus) {
    if (busy) return;
    busy = true;
    desk().setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { ...options, headers: { "X-Tieout-Fragment": "1" }, credentials: "same-origin" });
      const text = await answer.text();
      const found = new DOMParser().parseFromString(text, "text/html").getElementById("desk");
      if (!answer.ok || !found) return failed(answer, options);
      show(found, answer.url, options.method === "POST", focus);
    } catch {
      say("The server did not answer. Look whether you are online, then try again.", true);
    } finally {
      busy = false;
      desk().removeAttribute("aria-busy");
    }
  }

  function failed(answer, options) {
    if (answer.redirected && answer.url.includes("/login/")) return location.reload(); // signed out meanwhile
    if (options.method !== "POST") return location.assign(answer.url);
    const why = { 403: "You are not allowed to do this, or your session has ended. Reload the page.",
      404: "This is not there any more. Reload the page.",
      413: "This is too large." }[answer.status] || "It did not work, and nothing was changed. Try again.";
    say(why, true);
  }

  function show(found, url, posted, focus) {
    const place = new URL(url);
    place.searchParams.delete("tick");
    place.searchParams.delete("confirm");
    desk().replaceWith(found);
    if (place.href !== location.href) history[posted ? "replaceState" : "pushState"]({}, "", place);
    begin();
    say(all("#desk-messages p, .desk-results b, .desk-results li span:last-child").map((line) => line.textContent).join(" "));
    (document.getElementById("confirm") || focus() || document.getElementById("panel")).focus({ preventScroll: false });
  }

  function say(text, shown = false) {
    voice.textContent = text;
    if (!shown) return;
    const line = document.createElement("p");
    line.className = "desk-message desk-message-error";
    line.textContent = text;
    desk().prepend(line);
  }

  // --- Where the keyboard goes on after the desk was replaced ------------------------------------------------------

  function focusAfter(element) {
    const proposal = element && element.closest("[data-proposal]");
    if (proposal) {
      const rows = all("[data-proposal]");
      const at = rows.indexOf(proposal);
      const order = [proposal, ...rows.slice(at + 1), ...rows.slice(0, at).reverse()].map((row) => row.id);
      return () => order.map((id) => document.getElementById(id)).find(Boolean) || first();
    }
    const mark = markOf(element);
    return () => (mark && desk().querySelector(mark)) || null;
  }

  function first() {
    return desk().querySelector("[data-proposal]");
  }

  function markOf(element) {
    if (!element) return "";
    if (element.matches("input[name]")) return `input[name="${CSS.escape(element.name)}"]`;
    if (element.closest(".desk-tabs")) return '.desk-tabs [aria-current="page"]';
    return element.id ? `#${CSS.escape(element.id)}` : "";
  }

  // --- Links and forms -------------------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const link = event.target.closest("#desk a[data-desk]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    ask(withTicks(new URL(link.href)), { method: "GET" }, focusAfter(link));
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    if (!form.matches("#desk form[data-desk]") || (button && button.hasAttribute("data-leaves"))) return;
    event.preventDefault();
    const data = new FormData(form);
    const action = new URL(form.getAttribute("action"), location.href); // form.action may be a button of that name
    if (button && button.name) data.append(button.name, button.value);
    const focused = button && button.closest("[data-proposal]") ? button : form.querySelector('input[type="search"]') || button;
    if (form.method === "get") {
      action.search = new URLSearchParams(data);
      ask(withTicks(action), { method: "GET" }, focusAfter(focused));
    } else {
      const url = button && button.hasAttribute("formaction") ? button.formAction : action;
      ask(url, { method: "POST", body: data }, focusAfter(focused));
    }
  });

  // What is ticked on both sides stays ticked, on top, while a person looks for the rest.
  function withTicks(url) {
    if (desk().querySelector("[data-by-hand]") && url.searchParams.get("show") === "by-hand") {
      all("[data-by-hand] .ticks input:checked").forEach((box) => url.searchParams.append("tick", box.value));
    }
    return url;
  }

  window.addEventListener("popstate", () => ask(location.href, { method: "GET" }, () => null));

  // --- Ticks and the running remainder -----------------------------------------------------------------------------

  function ticked(name) {
    return all(`input[type="checkbox"][name="${name}"]:checked`);
  }

  // Of what is ticked: whole amounts. A line or entry that a match covers in part brings all members of that match along.
  function sum(name) {
    const boxes = [...ticked("line"), ...ticked("entry")];
    const holders = new Set(boxes.map((box) => box.dataset.holder).filter(Boolean));
    let total = ticked(name).filter((box) => !box.dataset.holder).reduce((all, box) => all + BigInt(box.dataset.minor), 0n);
    all("[data-match-sums]").forEach((place) => {
      if (holders.has(place.dataset.matchSums)) total += BigInt(place.dataset[name]);
    });
    return total;
  }

  function money(minor) {
    const { places, currency, thousands, decimal } = desk().dataset;
    const digits = (minor < 0n ? -minor : minor).toString().padStart(Number(places) + 1, "0");
    const cut = digits.length - Number(places);
    const whole = digits.slice(0, cut).replace(/\B(?=(\d{3})+$)/g, thousands);
    return `${minor < 0n ? "\u2212" : ""}${whole}${Number(places) ? decimal + digits.slice(cut) : ""}\u00a0${currency}`;
  }

  function addUp() {
    all("[data-needs]").forEach((button) => {
      if (!("locked" in button.dataset)) button.disabled = !button.dataset.needs.split(" ").some((name) => ticked(name).length);
    });
    all("[data-ticked]").forEach((place) => {
      const count = ticked(place.dataset.ticked).length;
      place.textContent = count ? place.dataset.words.replace("%", count) : "";
    });
    const form = desk().querySelector("[data-by-hand]");
    if (form) remainder(form);
  }

  function remainder(form) {
    const [lines, entries] = [sum("line"), sum("entry")];
    const both = ticked("line").length && ticked("entry").length;
    const any = ticked("line").length || ticked("entry").length;
    const left = lines - entries;
    const put = (name, text) => { form.querySelector(`[data-sum="${name}"]`).textContent = text; };
    put("line", any ? money(lines) : "–");
    put("entry", any ? money(entries) : "–");
    put("left", any ? money(left) : "–");
    form.querySelector(".remainder").dataset.state = both && left === 0n ? "zero" : any ? "open" : "none";
    const button = form.querySelector("[data-match]");
    const whole = !both || left === 0n;
    button.textContent = whole ? button.dataset.whole : button.dataset.part;
    if (!("locked" in button.dataset)) button.disabled = !both || Boolean(form.querySelector("[data-against]"));
    hint(form, any ? left : 0n);
  }

  // What matching the ticked ones would do: which record keeps a rest, what gets nothing, which matches are replaced.
  function foresee(form) {
    clearTimeout(foreseeing);
    foreseen += 1;
    const asked = foreseen;
    const bar = form.querySelector("[data-plan]");
    const old = document.getElementById("confirm") || document.getElementById("plan");
    const none = document.createElement("div");
    none.id = "plan";
    if (old) old.replaceWith(none);
    if (!ticked("line").length || !ticked("entry").length) return;
    foreseeing = setTimeout(async () => {
      try {
        const answer = await fetch(bar.dataset.plan, { method: "POST", body: new FormData(form), credentials: "same-origin" });
        const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("plan");
        const place = document.getElementById("plan");
        if (!answer.ok || !found || !place || asked !== foreseen) return;
        place.replaceWith(found);
        remainder(form);
      } catch { /* the same is said again before anything is done */ }
    }, PLAN_MS);
  }

  // Rows of exactly the remainder, on the side where ticking one would close it.
  function hint(form, left) {
    all(".ticks li", form).forEach((row) => row.classList.remove("fits"));
    if (left === 0n) return;
    all(".ticks input[data-minor]:not(:checked)", form).forEach((box) => {
      const wanted = box.name === "entry" ? left : -left;
      if (!box.dataset.holder && BigInt(box.dataset.minor) === wanted) box.closest("li").classList.add("fits");
    });
  }

  document.addEventListener("change", (event) => {
    if (!desk() || !desk().contains(event.target)) return;
    const every = event.target.dataset.all;
    if (every) all(`input[name="${every}"]:not(:disabled)`).forEach((box) => { box.checked = event.target.checked; });
    const form = event.target.closest("[data-by-hand]");
    if (form && event.target.closest(".ticks")) foresee(form);
    addUp();
  });

  // --- Keys: on a proposal --------------------------------------------------------------------------------------------

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !desk()) return;
    if (event.target.matches('input:not([type="checkbox"]), textarea, select')) return;
    const row = event.target.closest("[data-proposal]");
    const step = { j: 1, k: -1 }[event.key];
    if (!row) {
      if (step && desk().contains(event.target)) { event.preventDefault(); (first() || desk()).focus(); }
      return;
    }
    if (step) {
      event.preventDefault();
      const rows = all("[data-proposal]");
      (rows[rows.indexOf(row) + step] || row).focus();
    } else if (event.key === "x" || (event.key === " " && event.target === row)) {
      event.preventDefault();
      const box = row.querySelector('input[type="checkbox"]:not(:disabled)');
      if (box) box.click();
    } else if (event.key === "a" || event.key === "r") {
      event.preventDefault();
      const button = row.querySelector(`[data-key="${event.key}"]:not(:disabled)`);
      if (button) button.click();
    }
  });

  // --- A pass under way -------------------------------------------------------------------------------------------------

  async function look() {
    const place = document.getElementById("pass");
    if (!place || !place.dataset.poll) return;
    if (!busy && !document.hidden) {
      try {
        const answer = await fetch(place.dataset.poll, { credentials: "same-origin" });
        const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("pass");
        if (answer.ok && found) {
          if (!found.dataset.poll) return void ask(location.href, { method: "GET" }, () => document.activeElement);
          document.getElementById("pass").replaceWith(found);
        }
      } catch { /* asked again in a moment */ }
    }
    polling = setTimeout(look, POLL_MS);
  }

  // --- Begin: now, and whenever the desk was replaced ---------------------------------------------------------------------

  function begin() {
    if (!desk()) return;
    document.getElementById("panel").tabIndex = -1;
    all("[data-needs]:disabled, [data-match]:disabled").forEach((button) => { button.dataset.locked = ""; });
    const tab = desk().querySelector(".desk-tabs [aria-current]");
    if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - 24;
    clearTimeout(polling);
    polling = setTimeout(look, POLL_MS);
    addUp();
  }

  document.body.append(voice);
  begin();
})();
