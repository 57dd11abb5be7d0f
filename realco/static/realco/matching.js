/*
 * Keys and running totals of the reconciliation screen. Without this file the screen is a form that works;
 * the server decides in either case.
 */
"use strict";

(() => {
  const form = document.querySelector("[data-matching]");
  if (!form) return;
  const totals = form.querySelector("[data-totals]");
  const button = form.querySelector("[data-match]");
  const reason = form.querySelector("[name=reason]");
  const help = form.querySelector("[data-help]");
  const sides = ["line", "entry"].map((name) => [...form.querySelectorAll(`input[name=${name}]:not([disabled])`)]);
  if (!totals || !button || !reason) return;

  const dollars = (cents) => {
    const whole = cents < 0n ? -cents : cents;
    const text = (whole / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
    return `${cents < 0n ? "-" : ""}$${text}.${(whole % 100n).toString().padStart(2, "0")}`;
  };
  const chosen = (side) => side.filter((box) => box.checked);
  const sum = (boxes) => boxes.reduce((total, box) => total + BigInt(box.dataset.cents), 0n);
  const counted = (number, one, many) => `${number} ${number === 1 ? one : many}`;

  const add = () => {
    const [lines, entries] = sides.map(chosen);
    const [stated, booked] = [sum(lines), sum(entries)];
    const isEnough = lines.length + entries.length > 1;
    button.disabled = !(isEnough && stated === booked);
    reason.required = isEnough && !(lines.length === 1 && entries.length === 1);
    totals.textContent =
      lines.length + entries.length === 0
        ? "Choose lines and entries that come to the same amount."
        : `${counted(lines.length, "line", "lines")} ${dollars(stated)}, ` +
          `${counted(entries.length, "entry", "entries")} ${dollars(booked)}: ` +
          (stated === booked ? "no difference." : `a difference of ${dollars(stated - booked)}.`);
  };

  // One box of each side is reached by Tab; the arrows move it.
  const reach = (side, box) => {
    side.forEach((other) => { other.tabIndex = other === box ? 0 : -1; });
  };
  const place = () => {
    const side = sides.find((boxes) => boxes.includes(document.activeElement));
    return side ? [side, side.indexOf(document.activeElement)] : [null, -1];
  };
  const move = (step) => {
    let [side, number] = place();
    if (!side) {
      side = sides.find((boxes) => boxes.length);
      if (!side) return;
      number = side.findIndex((box) => box.tabIndex === 0) - step;
    }
    const box = side[Math.max(0, Math.min(side.length - 1, number + step))];
    reach(side, box);
    box.focus();
  };
  const match = () => { if (!button.disabled) form.requestSubmit(button); };
  const press = (selector) => {
    const target = document.querySelector(selector);
    if (!target) return;
    if (target.form && !target.form.reportValidity()) return;
    target.click();
  };
  const clear = () => {
    sides.flat().forEach((box) => { box.checked = false; });
    add();
  };

  const acts = {
    j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
    o: () => { const [side, number] = place(); if (side) side[number].closest("tr").querySelector("a").click(); },
    m: match, a: () => press("[data-accept]"), u: () => press("[data-undo]"), Escape: clear,
    "?": () => { if (help) help.open = !help.open; },
  };
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    const isBox = sides.some((side) => side.includes(target));
    const isWriting = !isBox && target.closest("input, select, textarea, [contenteditable]");
    if (isWriting || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "Tab" && !event.shiftKey && sides[0].includes(target)) {
      // To the other side at once; the links of the rows are reached backwards, and by "o".
      const other = sides[1].find((box) => box.tabIndex === 0);
      if (!other) return;
      event.preventDefault();
      other.focus();
      return;
    }
    const act = event.key === "Enter" && isBox ? match : acts[event.key];
    const scrolls = event.key.startsWith("Arrow") && !isBox;
    if (!act || scrolls) return;
    event.preventDefault();
    act();
  });
  sides.forEach((side) => {
    if (side.length) reach(side, side.find((box) => box.checked) || side[0]);
    side.forEach((box) => {
      box.addEventListener("change", add);
      box.addEventListener("focus", () => reach(side, box));
    });
  });
  add();
})();
