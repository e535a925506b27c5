/** A small menu behind three dots. It closes when a choice is made, on Escape, and when a click or
 *  the focus goes elsewhere. */

import { h, icon } from "./dom.js";

/** `choices` is asked at each opening for [words, act, kind] of every choice. */
export function menu(label, choices) {
  const items = h("div", { class: "menu-items" });
  const summary = h("summary", { "aria-label": label }, icon("more"));
  const details = h("details", { class: "menu" }, summary, items);
  const choice = ([words, act, kind = ""]) => h("button", {
    type: "button", class: kind, on: { click: () => { details.open = false; summary.focus(); act(); } },
  }, words);
  details.addEventListener("toggle", () => {
    if (details.open) items.replaceChildren(...choices().map(choice));
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    summary.focus();
  });
  details.addEventListener("focusout", (event) => {
    if (event.relatedTarget !== null && !details.contains(event.relatedTarget)) details.open = false;
  });
  return details;
}

addEventListener("pointerdown", (event) => {
  for (const details of document.querySelectorAll("details.menu[open]")) {
    if (!details.contains(event.target)) details.open = false;
  }
});
