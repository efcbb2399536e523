// Comfort on top of pages that work without it: the page renews itself, and keys move about.
"use strict";

(() => {
  const main = document.getElementById("content");

  // --- Live pages: <main data-live="5"> is fetched again every so many seconds, unless the user is
  // in the middle of something. What has the focus is not taken from under anybody's fingers; the
  // page itself has it after a click beside everything, and that is nothing.
  const busy = () => {
    const focused = document.activeElement;
    return document.hidden
      || (focused !== main && main.contains(focused))
      || main.querySelector("input[type=checkbox]:checked, details[open], .here") !== null
      || !document.getSelection().isCollapsed
      || document.querySelector("dialog[open]") !== null;
  };
  let next;
  const renew = async () => {
    clearTimeout(next);
    const seconds = Number(main.dataset.live);
    if (!seconds) return;
    if (!busy()) {
      try {
        const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
        // A session that has ended, or a server that restarts: what is shown stays.
        if (answer.ok && answer.url === location.href) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          const fresh = page.getElementById("content");
          if (fresh && !busy()) {
            main.replaceChildren(...fresh.childNodes);
            main.dataset.live = fresh.dataset.live || "";
          }
        }
      } catch { /* The next look may find it. */ }
    }
    clearTimeout(next);
    next = setTimeout(renew, seconds * 1000);
  };
  if (main.dataset.live) next = setTimeout(renew, Number(main.dataset.live) * 1000);
  // Who comes back to the page sees at once how it is now.
  document.addEventListener("visibilitychange", renew);

  // --- Keys. None works while something is typed, or together with Ctrl, Alt or Meta.
  const rows = () => [...main.querySelectorAll("tr[data-row]")];
  const move = (by) => {
    const all = rows();
    if (all.length === 0) return;
    const at = all.findIndex((row) => row.classList.contains("here"));
    const next = all[Math.min(Math.max(at + by, 0), all.length - 1)];
    all.forEach((row) => row.classList.toggle("here", row === next));
    next.scrollIntoView({ block: "nearest" });
  };
  const here = () => main.querySelector("tr.here");
  const places = { o: "/", d: "/dead-letters", e: "/events", b: "/objects", q: "/queue", u: "/outbox", p: "/operations", a: "/audit" };
  let goes = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("input:not([type=checkbox]), textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (goes) {
      goes = false;
      if (places[event.key]) location.assign(places[event.key]);
      return;
    }
    switch (event.key) {
      case "j": move(1); break;
      case "k": move(-1); break;
      case "x": here()?.querySelector("input[type=checkbox]")?.click(); break;
      case "Enter":
        if (event.target === document.body || event.target === main) here()?.querySelector("a[href]")?.click();
        return;
      case "g": goes = true; return;
      case "/": document.getElementById("find")?.focus(); event.preventDefault(); return;
      case "Escape": here()?.classList.remove("here"); return;
      case "?": help(); return;
      default: return;
    }
    event.preventDefault();
  });

  const keys = [
    ["j, k", "next row, previous row"], ["Enter", "open the row"], ["x", "select the row"], ["/", "find an id"],
    ["g then o, d, e, b", "overview, dead letters, events, objects"],
    ["g then q, u, p, a", "queue, outbox, operations, audit log"], ["Esc", "let go"],
  ];
  const help = () => {
    let dialog = document.getElementById("keys");
    if (!dialog) {
      dialog = document.createElement("dialog");
      dialog.id = "keys";
      dialog.setAttribute("aria-label", "Keys");
      const list = document.createElement("dl");
      list.className = "facts";
      for (const [key, does] of keys) {
        const row = document.createElement("div");
        const dt = document.createElement("dt");
        const dd = document.createElement("dd");
        dt.textContent = key;
        dd.textContent = does;
        row.append(dt, dd);
        list.append(row);
      }
      const form = document.createElement("form");
      form.method = "dialog";
      const close = document.createElement("button");
      close.textContent = "Close";
      form.append(close);
      dialog.append(list, form);
      document.body.append(dialog);
    }
    dialog.showModal();
  };

  // --- "Select all" of a list.
  main.addEventListener("change", (event) => {
    if (!event.target.matches("[data-all]")) return;
    main.querySelectorAll("input[name=id]").forEach((box) => { box.checked = event.target.checked; });
  });
})();
