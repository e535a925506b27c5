/** The audit trail: who did what to what, and why. */

import { h } from "../live/dom.js";
import { exactly } from "../live/text.js";
import { listing } from "./listing.js";
import { whoIs } from "./reports.js";

const COLUMNS = ["When", "Who", "What", "To", "Why"];

/** The view. */
export function audit() {
  const container = h("tbody", { role: "rowgroup" });
  const table = h("table", { class: "grid", role: "table" },
    h("caption", { class: "unseen" }, "What administrators did"),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...COLUMNS.map((words) => h("th", { scope: "col", role: "columnheader" }, words)))),
    container);
  const found = listing({
    path: "/v1/admin/audit", container, render: row,
    empty: () => h("div", { class: "nothing" }, h("p", { class: "nothing-title" }, "Nothing was done yet")),
  });
  table.append(container);
  found.element.prepend(table);
  const element = h("div", {}, h("div", { class: "view-top" }, h("h1", { tabindex: "-1" }, "Audit trail")),
    h("p", { class: "lead" }, "Every one is an event of the log. Nothing takes it away."),
    h("div", { class: "panel flush" }, found.element));
  return { element, title: "Audit trail", show: () => {}, load: found.load, end: found.end };
}

function row({ actor_id: actor, action, target, detail, created_at: at }) {
  const cells = [exactly(at), whoIs(actor), action.replace(/^\w+\./, "").replaceAll("_", " "), targetOf(target), detail];
  return h("tr", { role: "row" }, ...cells.map((content, index) => h("td", { role: "cell", "data-label": COLUMNS[index] }, content === "" ? "–" : content)));
}

function targetOf(target) {
  const [kind, id] = target.split("/");
  const href = { projection: `#/projections/${id}`, "dead-letter": `#/dead-letters/${id}`, "dead-letters": `#/dead-letters/${id}`, post: `/#/post/${id}` }[kind];
  return href === undefined ? target : h("a", { href }, target);
}
