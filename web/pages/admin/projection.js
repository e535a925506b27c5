/** One projection: how it went in the last minutes, what it stands at, and what is done with it. */

import { announce, h, put } from "../live/dom.js";
import { exactly } from "../live/text.js";
import { WORKS, work } from "./acting.js";
import { building } from "./building.js";
import { curve } from "./chart.js";
import { partitions } from "./partitions.js";
import { lamp, standing } from "./standing.js";
import { pacesOf } from "./watching.js";
import { number, pace, span, spoken } from "./words.js";
import { bar, progressOf, progressWords, titleOf, told, toneOf } from "./work.js";

const GROUPS = [
  ["Proof", ["verify", "repair"]],
  ["Generations", ["replay", "swap", "rollback", "prune"]],
  ["A part of the log", ["reapply"]],
];

/** The view of the projection that is called so. */
export function projection(name, { look }) {
  const light = lamp();
  const facts = h("dl", { class: "facts" });
  const [lag, rate] = [chart("Lag, events", "lag"), chart("Events a second", "rate")];
  const [next, newest] = [building(name, look), newestWork(name, look)];
  const past = moments(name, look);
  const parts = partitions();
  const note = h("div", { class: "note" }, h("p", { class: "notice" }, "Loading …"));
  const known = h("div", { class: "columns", hidden: true },
    h("section", { class: "panel", "aria-label": "How far it is" }, facts, h("div", { class: "charts" }, lag.element, rate.element), parts.element),
    h("div", { class: "stack" },
      next.element, past.building, newest.element,
      h("section", { class: "panel", "aria-label": "Actions" }, h("h2", {}, "Actions"), ...GROUPS.map(([title, works]) => group(title, works, name, look))),
      past.element));
  const element = h("div", {},
    h("p", { class: "crumbs" }, h("a", { href: "#/" }, "← Projections")),
    h("div", { class: "view-top" }, h("h1", { tabindex: "-1" }, spoken(name)), light.element), note, known);

  function show(state) {
    light.show(state);
    const item = state.items.get(name);
    if (item === undefined) {
      put(note, h("p", { class: "notice" }, state.ready ? `There is no projection ${name}.` : state.problem?.message ?? "Loading …"));
      return;
    }
    put(note, item.stalled_by === null ? null : h("p", { class: "notice complaint", role: "alert" }, `It does not go on: ${item.stalled_by}`));
    known.hidden = false;
    put(facts, ...factsOf(item));
    lag.show(item.samples.map((one) => one.lag), number(item.lag_events));
    rate.show(pacesOf(item.samples), pace(item.perS));
    parts.show(item.partitions);
    next.show(item.replay);
    newest.show(item.work);
    past.show(item.side_views);
    // What is told of it stands in the other panel already.
    newest.element.hidden = item.replay !== null && item.work?.work === "replay" && item.work.state === "running";
  }

  return { element, title: spoken(name), show, load: () => {}, end: () => {} };
}

function factsOf(item) {
  const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  const waiting = item.dead_letters === 0 ? "0" : h("a", { class: "wrong", href: `#/dead-letters/${item.name}` }, number(item.dead_letters));
  return [
    fact("Standing", standing(item)),
    fact("Position", `${number(item.position)} of ${number(item.head)}`),
    fact("Lag", item.lag_events === 0 ? "0" : `${number(item.lag_events)} events, ${span(item.lag_seconds)}`),
    fact("Answers", `generation ${item.generation} of version ${item.version}`),
    fact("Dead letters", waiting),
  ];
}

/** Views as of moments that are past, which a read asks for by name, and those that are being built. */
function moments(name, look) {
  const panels = new Map();
  const built = h("div", { class: "stack", hidden: true });
  const list = h("ul", {});
  const element = h("section", { class: "panel", "aria-label": "As of the past", hidden: true }, h("h2", {}, "As of the past"),
    h("p", { class: "soft" }, "What a read gets that has this in its ", h("code", {}, "As-Of"), " field."), list);
  function show(views) {
    element.hidden = views.length === 0;
    showBuilding(new Map(views.filter((one) => one.replay !== null).map((one) => [one.as_of, one.replay])));
    put(list, ...views.map((one) => h("li", { class: "row-head" }, h("code", {}, one.as_of),
      h("span", { class: "soft" }, exactly(one.at), `, generation ${one.generation}`, one.whole ? "" : ", not whole yet"))));
  }

  function showBuilding(replays) {
    built.hidden = replays.size === 0;
    for (const asOf of replays.keys()) {
      if (panels.has(asOf)) continue;
      panels.set(asOf, building(name, look, asOf));
      built.append(panels.get(asOf).element);
    }
    for (const [asOf, panel] of panels) panel.show(replays.get(asOf) ?? null);
  }

  return { element, building: built, show };
}

function chart(title, kind) {
  const drawn = curve(kind);
  const now = h("strong", {});
  const element = h("figure", { class: "chart" }, h("figcaption", {}, h("span", {}, title), now), drawn.element);
  function show(values, words) {
    now.textContent = words;
    drawn.show(values, `${title} in the last minutes: now ${words}, at most ${number(Math.round(Math.max(...values, 0)))}`);
  }
  return { element, show };
}

function group(title, works, name, look) {
  const button = (kind) => h("button", { type: "button", class: WORKS[kind].danger ? "danger" : "", on: { click: () => work(name, kind, look) } }, WORKS[kind].menu);
  return h("div", { class: "group" }, h("h3", {}, title), h("div", { class: "buttons" }, ...works.filter((kind) => kind in WORKS).map(button)));
}

// What is likely wanted after a work.
const STEPS = { "replay done": "swap", "verify different": "repair" };

function nextStep(item, name, look) {
  const kind = STEPS[`${item.work} ${item.state}`];
  return kind === undefined ? null : h("div", { class: "next-step" }, h("button", { type: "button", class: "main", on: { click: () => work(name, kind, look) } }, WORKS[kind].menu));
}

function newestWork(name, look) {
  const title = h("h2", { class: "work-title" }, "Nothing under way");
  const filled = bar(`Progress of the work on ${spoken(name)}`);
  const far = h("p", { class: "soft" });
  const result = h("div", {}, h("p", { class: "soft" }, "What is asked for here is told here."));
  const element = h("section", { class: "panel newest-work", "aria-label": "Newest work" }, title, filled.element, far, result);
  filled.element.hidden = true;
  let said = null;

  function show(item) {
    if (item === null || JSON.stringify(item) === said) return;
    const before = said === null ? null : JSON.parse(said);
    said = JSON.stringify(item);
    const progress = progressOf(item);
    title.textContent = titleOf(item);
    element.dataset.tone = toneOf(item);
    filled.element.hidden = item.state !== "running";
    filled.show(progress);
    far.textContent = progress === null ? "" : progressWords(progress);
    put(result, item.state === "running" && progress !== null ? null : told(item, name), nextStep(item, name, look));
    if (before?.state !== item.state && (before !== null || item.state === "running")) announce(`${spoken(name)}: ${titleOf(item)}`);
  }

  return { element, show };
}
