/** The partitions of the log that a projection reads, folded until somebody wants to know. */

import { h } from "../live/dom.js";
import { counted } from "../live/text.js";
import { reconcile } from "./listing.js";
import { number } from "./words.js";

const COLUMNS = ["Partition", "Position", "Newest", "Lag", "Owner"];

/** `show(partitions)`: the one that is furthest behind comes first. */
export function partitions() {
  const summary = h("summary", {});
  const body = h("tbody", { role: "rowgroup" });
  const element = h("details", { class: "partitions" }, summary, h("table", { class: "grid", role: "table" },
    h("caption", { class: "unseen" }, "Partitions"),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...COLUMNS.map((words) => h("th", { scope: "col", role: "columnheader" }, words)))),
    body));
  let known = [];
  element.addEventListener("toggle", () => show(known));

  function show(found) {
    known = found;
    const behind = found.filter((one) => one.position < one.head).length;
    summary.textContent = counted(found.length, "partition") + (behind === 0 ? ", none behind" : `, ${number(behind)} behind`);
    if (!element.open) return;
    const lagging = found.toSorted((one, other) => other.head - other.position - (one.head - one.position));
    reconcile(body, lagging, (one) => one.name, row);
  }

  return { element, show };
}

function row({ name, position, head, owner }) {
  const told = [number(position), number(head), number(head - position), owner ?? "nobody"];
  const cells = told.map((words, index) => h("td", { role: "cell", "data-label": COLUMNS[index + 1] }, words));
  return h("tr", { role: "row" }, h("th", { scope: "row", role: "rowheader" }, h("code", {}, name)), ...cells);
}
