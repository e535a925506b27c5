/** A generation that is being built: how far it is, and what it can be told. */

import { announce, h, put } from "../live/dom.js";
import { WORKS, work } from "./acting.js";
import { number, pace, span, spoken } from "./words.js";
import { bar } from "./work.js";

const STATES = {
  building: ["Being built", "busy"],
  paused: ["Paused", "near"],
  stopped: ["Nobody goes on with it", "near"],
  cancelled: ["Being dropped", "wrong"],
};
const TOLD = { building: ["pause", "throttle", "cancel"], paused: ["resume", "throttle", "cancel"], stopped: ["resume", "cancel"], cancelled: [] };

/** What it is called as it is now, and its colour. */
export const stageOf = ({ state }) => STATES[state];

/** How far it is, in words. */
export function farWords({ state, done, total, events_per_second: perS, seconds_left: leftS, events_per_second_max: most }) {
  const going = state === "building" && done < total;
  const parts = [`${number(done)} of ${number(total)} events`, going ? `${pace(perS)} a second` : null, going && leftS !== null ? `${span(leftS)} left` : null,
    most === null ? null : `at most ${number(most)} a second`];
  return parts.filter((part) => part !== null).join(", ");
}

/** The panel of the projection that is called so, as of a moment or of what is to answer next;
 *  hidden while nothing is built. */
export function building(name, look, asOf = null) {
  const called = asOf === null ? "The next generation" : `As of ${asOf}`;
  const title = h("h2", { class: "work-title" });
  const filled = bar(`${called}: ${spoken(name)}`);
  const far = h("p", { class: "soft" });
  const buttons = h("div", { class: "buttons" });
  const element = h("section", { class: "panel newest-work", "aria-label": called, hidden: true }, title, filled.element, far, buttons);
  let before = null;
  let generation = null;

  function show(replay) {
    generation = replay?.generation ?? null;
    element.hidden = replay === null;
    const state = replay?.state ?? null;
    if (state !== before) changed(state);
    if (replay === null) return;
    title.textContent = `Generation ${generation}${asOf === null ? "" : ` as of ${asOf}`}: ${stageOf(replay)[0].toLowerCase()}`;
    filled.show(replay);
    far.textContent = farWords(replay);
  }

  function changed(state) {
    before = state;
    if (state === null) return;
    const [words, tone] = STATES[state];
    element.dataset.tone = tone;
    const focused = buttons.contains(document.activeElement);
    put(buttons, ...TOLD[state].map((kind) => h("button", { type: "button", class: WORKS[kind].danger ? "danger" : "", on: { click: () => work(name, kind, look, { generation }) } }, WORKS[kind].menu)));
    if (focused) buttons.firstElementChild?.focus();
    announce(`${spoken(name)}${asOf === null ? "" : ` as of ${asOf}`}: ${words}`);
  }

  return { element, show };
}
