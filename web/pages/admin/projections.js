/** All projections: how far each is, how fast, and what is done with it. */

import { h, put } from "../live/dom.js";
import { menu } from "../live/menu.js";
import { WORKS, work } from "./acting.js";
import { farWords, stageOf } from "./building.js";
import { lamp, standing } from "./standing.js";
import { number, pace, span, spoken } from "./words.js";
import { bar, progressOf, progressWords, titleOf, toneOf } from "./work.js";

const COLUMNS = ["Projection", "Standing", "Position", "Lag", "Events/s", "Dead letters", "Newest work"];

/** The view; it is told of every look by `show`. */
export function projections({ look }) {
  const tiles = h("dl", { class: "tiles" });
  const rows = new Map();
  const body = h("tbody", { role: "rowgroup" });
  const column = (words) => h("th", { scope: "col", role: "columnheader" }, words);
  const table = h("table", { class: "grid projections", role: "table", hidden: true },
    h("caption", { class: "unseen" }, "Projections"),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ...COLUMNS.map(column), h("th", { role: "columnheader", scope: "col" }, h("span", { class: "unseen" }, "Actions")))),
    body);
  const light = lamp();
  const note = h("div", { class: "note" }, h("p", { class: "notice" }, "Loading …"));
  const element = h("div", {}, h("div", { class: "view-top" }, h("h1", { tabindex: "-1" }, "Projections"), light.element), tiles,
    h("div", { class: "panel flush" }, table, note));

  function show(state) {
    light.show(state);
    if (!state.ready) {
      if (state.problem !== null) put(note, h("p", { class: "notice" }, state.problem.message));
      return;
    }
    put(note);
    table.hidden = false;
    put(tiles, ...tallies([...state.items.values()]));
    for (const item of state.items.values()) {
      if (!rows.has(item.name)) {
        rows.set(item.name, row(item.name, look));
        body.append(rows.get(item.name).element);
      }
      rows.get(item.name).show(item);
    }
  }

  return { element, title: "Projections", show, load: () => {}, end: () => {} };
}

function tallies(items) {
  const lag = Math.max(...items.map((item) => item.lag_seconds), 0);
  const behind = items.filter((item) => item.lag_events > 0).length;
  const letters = items.reduce((sum, item) => sum + item.dead_letters, 0);
  const works = items.filter((item) => item.work?.state === "running" || item.replay?.running).length;
  const tile = (name, value, tone = "") => h("div", { class: `tile ${tone}` }, h("dt", {}, name), h("dd", {}, value));
  return [
    tile("Events in the log", number(Math.max(...items.map((item) => item.head), 0))),
    tile("Behind", behind === 0 ? "None" : `${behind} of ${items.length}`, behind > 0 ? "near" : ""),
    tile("Longest lag", span(lag), lag >= 5 ? "near" : ""),
    tile("Dead letters", number(letters), letters > 0 ? "wrong" : ""),
    tile("Works under way", number(works), works > 0 ? "busy" : ""),
  ];
}

function row(name, look) {
  const at = `#/projections/${name}`;
  const cell = (label) => h("td", { role: "cell", "data-label": label });
  const build = h("span", { class: "soft" });
  const cells = Object.fromEntries(COLUMNS.slice(1).map((label) => [label, cell(label)]));
  const filled = bar(`Progress of the work on ${spoken(name)}`);
  const title = h("span", {});
  const far = h("span", { class: "soft" });
  const newest = h("a", { class: "newest", href: at }, title, filled.element, far);
  const choices = () => Object.entries(WORKS).filter(([, { steers }]) => !steers).map(([kind, { menu: words, danger }]) => [words, () => work(name, kind, look), danger ? "danger" : ""]);
  const element = h("tr", { role: "row" },
    h("th", { scope: "row", role: "rowheader" }, h("a", { href: at }, spoken(name)), build),
    ...Object.values(cells),
    h("td", { role: "cell", class: "acts" }, menu(`Actions on ${spoken(name)}`, choices)));

  function show(item) {
    build.textContent = `v${item.version}, generation ${item.generation}`;
    put(cells.Standing, standing(item));
    cells.Position.textContent = number(item.position);
    cells.Lag.textContent = item.lag_events === 0 ? "0" : `${number(item.lag_events)} · ${span(item.lag_seconds)}`;
    cells["Events/s"].textContent = pace(item.perS);
    letters(cells["Dead letters"], item);
    if (item.replay === null) showWork(item.work);
    else showBuilding(item.replay);
  }

  function letters(into, { dead_letters: waiting }) {
    if (into.dataset.shown === String(waiting)) return;
    into.dataset.shown = waiting;
    const words = number(waiting);
    put(into, waiting === 0 ? "0" : h("a", { class: "wrong", href: `#/dead-letters/${name}`, "aria-label": `${words} of ${spoken(name)}` }, words));
  }

  function showBuilding(replay) {
    const [words, tone] = stageOf(replay);
    fill(words, tone, replay, farWords({ ...replay, events_per_second_max: null }));
  }

  function showWork(newestWork) {
    cells["Newest work"].classList.toggle("nothing-yet", newestWork === null);
    if (newestWork === null) {
      cells["Newest work"].replaceChildren("–");
      return;
    }
    const progress = progressOf(newestWork);
    fill(titleOf(newestWork), toneOf(newestWork), progress, progress === null ? "" : progressWords(progress));
    filled.element.hidden = newestWork.state !== "running";
  }

  function fill(words, tone, progress, farTold) {
    title.textContent = words;
    newest.dataset.tone = tone;
    filled.element.hidden = false;
    filled.show(progress);
    far.textContent = farTold;
    cells["Newest work"].classList.remove("nothing-yet");
    if (!newest.isConnected) cells["Newest work"].replaceChildren(newest);
  }

  return { element, show };
}
