/** A work on a projection: how far it is, and what came of it. */

import { h } from "../live/dom.js";
import { number, span, spoken } from "./words.js";

const TITLES = {
  replay: ["Building a generation", "A generation is built"],
  swap: ["Swapping", "Swapped"],
  rollback: ["Rolling back", "Rolled back"],
  verify: ["Verifying", "Equal to the log"],
  repair: ["Repairing", "Mended: equal to the log"],
  reapply: ["Applying events again", "Events applied again"],
  prune: ["Pruning", "The others are dropped"],
};
const PROGRESS = /([\d,]+) of ([\d,]+) (events|keys)[a-z ]*(?:, ([\d,]+) events\/s, ([\d,]+) s left)?/;
const DIFFERENCE = /^ {2}(\S+) ([^:]+): view (.*), log (.*)$/;

const counted = (text) => (text === undefined ? null : Number(text.replaceAll(",", "")));

/** What a work is called as it is now: "Verifying", "Equal to the log", "Verify failed". */
export function titleOf({ work, state }) {
  const [doing, done] = TITLES[work] ?? [work, `${work}: done`];
  if (state === "running") return doing;
  if (state === "done") return done;
  if (state === "cancelled") return `${spoken(work)} cancelled`;
  return state === "different" ? "Different from the log" : `${spoken(work)} failed`;
}

/** The colour of its state. */
export const toneOf = ({ state }) => ({ running: "busy", done: "good", different: "near", cancelled: "near", failed: "wrong" })[state];

/** How far a running work says it is, or null: `done` of `total` "events" or "keys". */
export function progressOf(work) {
  const found = work.state === "running" ? PROGRESS.exec(work.told) : null;
  if (found === null) return null;
  const [done, total, perS, leftS] = [found[1], found[2], found[4], found[5]].map(counted);
  return { done, total, what: found[3], perS, leftS };
}

/** That in words. */
export function progressWords({ done, total, what, perS, leftS }) {
  const rate = perS === null ? "" : `, ${number(perS)} a second`;
  const left = leftS === null ? "" : `, ${span(leftS)} left`;
  return `${number(done)} of ${number(total)} ${what}${rate}${left}`;
}

/** A bar that is filled, or that moves where nobody knows how far it is. */
export function bar(label) {
  const element = h("progress", { "aria-label": label, max: 1 });
  function show(progress) {
    if (progress === null || progress.total === 0) element.removeAttribute("value");
    else element.value = progress.done / progress.total;
  }
  return { element, show };
}

/** What a work on the projection that is called so told, and of a proof the keys that differ. What
 *  its title says already, and the command line's advice, is left out. */
export function told(work, name) {
  const lines = work.told.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("  starling "));
  const found = lines.map((line) => DIFFERENCE.exec(line));
  const differing = found.filter((one) => one !== null);
  return h("div", { class: "told-work" },
    ...lines.filter((_, index) => found[index] === null).map((line) => h("p", {}, shortened(line, name))),
    differing.length > 0 ? differences(differing) : null);
}

function shortened(line, name) {
  const words = line.trim().replace(`${name}: `, "").replace(/^(equal|DIFFERENT): /, "");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function differences(found) {
  const column = (words) => h("th", { scope: "col", role: "columnheader" }, words);
  const cell = (words, label, kind) => h("td", { role: "cell", "data-label": label }, h(kind, {}, words));
  return h("table", { class: "grid differences", role: "table" },
    h("caption", {}, "Where the view is not what the log says"),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...["Key", "Part", "The view says", "The log says"].map(column))),
    h("tbody", { role: "rowgroup" }, ...found.map(([, key, part, view, log]) => h("tr", { role: "row" },
      h("th", { scope: "row", role: "rowheader" }, h("code", {}, key)), cell(part, "Part", "span"),
      cell(view, "The view says", "code"), cell(log, "The log says", "code")))));
}
