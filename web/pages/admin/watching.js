/** How the projections are, asked again and again while somebody looks. A server that is away is
 *  asked less and less often; what it last said stays. */

import { read } from "../live/api.js";

const PATH = "/v1/admin/projections";
const OFTEN_MS = 1_000;
const CALM_MS = 2_500;
const HIDDEN_MS = 20_000;
const AWAY_MS = [1_000, 2_000, 4_000, 8_000];
const SAMPLES_MAX = 180;
const PACE_OVER_MS = 6_000;

/** Watches until `end()`. `changed(state)` hears of every answer and of every failure: `items` by
 *  name, whether the server is `here`, and the `problem` where it is not. */
export function watch(changed) {
  const state = { items: new Map(), here: false, problem: null, ready: false };
  const samples = new Map();
  let timer = null;
  let failures = 0;
  let ended = false;
  let asking = false;

  async function look() {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    try {
      take(await read(PATH, { tries: 1 }));
      failures = 0;
      Object.assign(state, { here: true, problem: null, ready: true });
    } catch (error) {
      Object.assign(state, { here: false, problem: error });
      failures += 1;
    }
    asking = false;
    if (ended) return;
    changed(state);
    timer = setTimeout(look, delay());
  }

  function delay() {
    if (failures > 0) return AWAY_MS[Math.min(failures, AWAY_MS.length) - 1];
    if (document.hidden) return HIDDEN_MS;
    return [...state.items.values()].some(isMoving) ? OFTEN_MS : CALM_MS;
  }

  function take({ items }) {
    const now = performance.now();
    state.items = new Map(items.map((item) => {
      const known = samples.get(item.name) ?? [];
      // A generation that takes over may be elsewhere; its pace is not that of the one before.
      const kept = known.at(-1)?.generation === item.generation ? known.slice(1 - SAMPLES_MAX) : [];
      const { generation, position, lag_events: lag } = item;
      const seen = [...kept, { at: now, generation, position, lag }];
      samples.set(item.name, seen);
      return [item.name, { ...item, perS: paceOf(seen), samples: seen }];
    }));
  }

  const seen = () => { if (!document.hidden) look(); };
  document.addEventListener("visibilitychange", seen);
  addEventListener("online", seen);
  look();
  return {
    state,
    look,
    end() {
      ended = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("online", seen);
    },
  };
}

const isMoving = (item) => item.lag_events > 0 || item.work?.state === "running" || item.replay?.running || item.side_views.some((one) => one.replay?.running);

/** Events a second over the last seconds, or null. */
function paceOf(samples) {
  const last = samples.at(-1);
  const first = samples.find((one) => last.at - one.at <= PACE_OVER_MS);
  return first === last ? null : Math.max(last.position - first.position, 0) / ((last.at - first.at) / 1_000);
}

/** Between the samples: events a second. */
export const pacesOf = (samples) => samples.slice(1).map((one, index) =>
  Math.max(one.position - samples[index].position, 0) / Math.max((one.at - samples[index].at) / 1_000, 0.1));
