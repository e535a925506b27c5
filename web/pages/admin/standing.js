/** Whether a projection is well, and whether the server answers, at a glance. */

import { h } from "../live/dom.js";

const LATE_S = 5;

/** What there is to say of a projection, and its colour. */
export function stateOf({ stalled_by: stalled, lag_events: lag, lag_seconds: late, dead_letters: letters }) {
  if (stalled !== null) return ["Stalled", "wrong"];
  if (lag > 0 && late >= LATE_S) return ["Behind", "near"];
  if (letters > 0) return ["Dead letters", "near"];
  return ["Live", "good"];
}

/** That as a pill. */
export function standing(item) {
  const [words, tone] = stateOf(item);
  return h("span", { class: "pill", "data-tone": tone, title: item.stalled_by }, words);
}

/** The light beside a heading: whether what is shown is fresh. */
export function lamp() {
  const element = h("span", { class: "live", "data-state": "off" }, "Connecting …");
  function show({ here }) {
    element.dataset.state = here ? "on" : "off";
    element.textContent = here ? "Live" : "Connecting …";
  }
  return { element, show };
}
