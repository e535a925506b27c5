/** Dead letters: events that a projection could not take, and what is to become of them. */

import { read } from "../live/api.js";
import { h, put } from "../live/dom.js";
import { exactly } from "../live/text.js";
import { ask } from "./acting.js";
import { listing } from "./listing.js";
import { number, spoken } from "./words.js";

const PATH = "/v1/admin/dead-letters";

/** The view: of one projection, or of all. */
export function letters(name, { look, names }) {
  const choice = h("select", { id: "of-projection" }, h("option", { value: "" }, "All projections"));
  const container = h("ul", { class: "rows", "aria-label": "Dead letters" });
  const found = listing({
    path: name === undefined ? PATH : `${PATH}?projection=${encodeURIComponent(name)}`,
    container,
    changes: (letter) => letter.requested !== null,
    keyOf: (letter) => [letter.projection, letter.version, letter.generation, letter.partition, letter.position].join("/"),
    render: (letter) => row(letter, () => { found.restart(); look(); }),
    empty: () => h("div", { class: "nothing" }, h("p", { class: "nothing-title" }, "No dead letters"),
      h("p", {}, "Every event could be applied.")),
  });
  choice.addEventListener("change", () => { location.hash = choice.value === "" ? "#/dead-letters" : `#/dead-letters/${choice.value}`; });
  const every = h("button", { type: "button", hidden: true, on: { click: () => ask(retryingAll(name, () => { found.restart(); look(); })) } }, "Retry all …");
  const element = h("div", {},
    h("div", { class: "view-top" }, h("h1", { tabindex: "-1" }, "Dead letters"), every,
      h("div", { class: "choice" }, h("label", { for: "of-projection" }, "Of"), choice)),
    h("p", { class: "lead" }, "What a projection cannot apply is parked, and so are later events of its key, in order. The projection goes on."),
    h("div", { class: "panel flush" }, found.element));

  function show({ items }) {
    every.hidden = !items.get(name)?.dead_letters;
    for (const one of names().slice(choice.options.length - 1)) choice.append(h("option", { value: one }, spoken(one)));
    choice.value = name ?? "";
  }

  return { element, title: "Dead letters", show, load: found.load, end: found.end };
}

const retryingAll = (name, after) => ({ title: "Retry all", words: `Everything that ${spoken(name)} had to park is applied again, in order: for when the cause is mended.`, action: "Retry all", path: `${PATH}/${name}/retry`, after });

/** What the log has there, asked for when somebody wants to see it. */
function opened(path, label) {
  const inside = h("div", { class: "opened" });
  const details = h("details", {}, h("summary", { "aria-label": `The event of ${label}` }, "The event"), inside);
  details.addEventListener("toggle", async () => {
    if (!details.open) return;
    try {
      put(inside, ...shown(await read(path)));
    } catch (error) {
      put(inside, h("p", { class: "wrong", role: "alert" }, error.message));
    }
  });
  return details;
}

function shown({ at, type, event, ahead, behind }) {
  const positions = (words, found) => (found.length === 0 ? null : h("p", { class: "soft" }, `${words}: ${found.map(number).join(", ")}`));
  if (event === null) return [h("p", { class: "soft" }, "The log does not have it any more.")];
  const text = typeof event === "string" ? event : JSON.stringify(event, null, 2);
  return [h("p", { class: "soft" }, type, at === null ? "" : ", ", at === null ? "" : exactly(at)), h("pre", { tabindex: "0" }, h("code", {}, text)),
    positions("Ahead of it by key, at", ahead), positions("Behind it by key, at", behind)];
}

function row(letter, after) {
  const { projection, version, generation, partition, position, key, error, requested } = letter;
  const path = `${PATH}/${projection}/${partition}/${position}`;
  const place = `partition ${partition}, position ${number(position)}`;
  const act = (words, how) => h("button", { type: "button", "aria-label": `${words.replace(" …", "")} ${spoken(projection)}, ${place}`, class: how.danger ? "danger" : "", on: { click: () => ask({ ...how, after }) } }, words);
  return h("li", { class: "letter" },
    h("div", { class: "row-head" }, h("a", { href: `#/projections/${projection}` }, spoken(projection)),
      h("span", { class: "soft" }, `v${version}, generation ${generation}, ${place}${key === null ? "" : `, key ${key}`}`)),
    h("p", {}, h("code", { class: "error" }, error)),
    opened(path, `${spoken(projection)}, ${place}`),
    requested === null
      ? h("div", { class: "buttons" },
        act("Retry …", { title: "Retry the event", words: `It and what waits behind it are applied again: ${spoken(projection)}, ${place}.`, action: "Retry", path: `${path}/retry` }),
        act("Discard …", { title: "Discard the event", words: `The view will never have it, and that cannot be taken back: ${spoken(projection)}, ${place}. Until it is built anew, it differs from the log.`, action: "Discard", path: `${path}/discard`, danger: true }))
      : h("p", { class: "pill", "data-tone": "busy" }, requested === "retry" ? "To be retried" : "To be discarded"));
}
