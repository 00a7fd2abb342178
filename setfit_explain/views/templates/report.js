"use strict";
// Search, order, sorting of tables and numbers under the pointer. Without it the page shows the same.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const cards = all("main .card");
  const lines = new Map(all(".texts tbody tr").map((row) => [row.querySelector("a").hash.slice(1), row]));
  const status = document.getElementById("status");
  const search = document.getElementById("search");
  const order = document.getElementById("order");

  const tell = () => {
    const shown = cards.filter((card) => card.getClientRects().length).length;
    status.textContent = `${shown} of ${cards.length} texts shown`;
  };

  if (status) {
    const words = new Map(cards.map((card) => [card, ""]));
    for (const card of cards) {
      const parts = all("h3, .truth, .text, p:not([class])", card).map((part) => part.textContent);
      words.set(card, parts.join(" ").toLowerCase());
    }
    const find = () => {
      const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      for (const card of cards) {
        card.hidden = !wanted.every((word) => words.get(card).includes(word));
        const line = lines.get(card.id);
        if (line) line.hidden = card.hidden;
      }
      tell();
    };
    const places = new Map(cards.map((card, place) => [card, place]));
    const confidence = (card) => parseFloat(card.querySelector(".probability")?.textContent);
    const keys = {
      given: () => 0,
      unsure: (card) => confidence(card),
      sure: (card) => -confidence(card),
      wrong: (card) => (card.classList.contains("wrong") ? 0 : 1),
    };
    const sorted = () => {
      const key = (card) => {
        const number = keys[order.value](card);
        return Number.isNaN(number) ? 2 : number; // no confidence: to the end, a probability is at most 1
      };
      return [...cards].sort((a, b) => key(a) - key(b) || places.get(a) - places.get(b));
    };
    const sort = () => {
      for (const card of sorted()) {
        card.parentNode.append(card);
        const line = lines.get(card.id);
        if (line) line.parentNode.append(line);
      }
    };
    for (const part of all(".script")) part.hidden = false;
    search.addEventListener("input", find);
    order.addEventListener("change", sort);
    search.form.addEventListener("change", tell);
    search.form.addEventListener("reset", () => setTimeout(() => { sort(); find(); }));
    tell();
  }

  // A button in each head of a table of numbers sorts by that class; it is made when the table is opened.
  document.addEventListener("toggle", (event) => {
    for (const head of all(".units thead th + th", event.target)) {
      if (head.querySelector("button")) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.title = "sort by this class";
      head.append(button);
    }
  }, true);
  const value = (row, column) => Math.abs(parseFloat(row.cells[column].textContent.replace("\u2212", "-"))) || 0;
  document.addEventListener("click", (event) => {
    const head = event.target.closest(".units thead th");
    if (!head || !event.target.closest("button")) return;
    const body = head.closest("table").tBodies[0];
    const column = head.cellIndex;
    body.append(...[...body.rows].sort((first, second) => value(second, column) - value(first, column)));
    for (const each of head.parentNode.cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", "descending");
  });

  // The number of the unit under the pointer, for the class that is chosen; Escape hides it.
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true"); // the table below says the same
  document.body.append(tip);
  const hide = () => { tip.hidden = true; };
  document.addEventListener("pointerover", (event) => {
    const unit = event.target.closest(".block b");
    if (!unit) return hide();
    const block = unit.closest(".block");
    const row = block.querySelector(`tr[data-u="${all("b", block).indexOf(unit)}"]`);
    const figures = all(".f", block);
    const column = figures.findIndex((each) => each.getClientRects().length);
    if (!row || column < 0) return hide();
    tip.textContent = `${row.cells[0].textContent}  ${row.cells[column + 1].textContent}`;
    tip.hidden = false;
    const box = unit.getClientRects()[0];
    const left = Math.min(box.left, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(left, 8) + scrollX}px`;
    tip.style.top = `${box.top + scrollY - tip.offsetHeight - 6}px`;
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
})();
