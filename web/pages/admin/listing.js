/** Lists page by page. The first page is read again and again, and only what changed is drawn anew:
 *  neither the focus nor what is being read moves. */

import { page } from "../live/api.js";
import { h } from "../live/dom.js";
import { keep } from "../live/store.js";

const AGAIN_MS = 5_000;
const SOON_MS = 1_000;

/** Makes `container` hold an element for each item, keeping those that say the same. */
export function reconcile(container, items, keyOf, render) {
  const kept = new Map([...container.children].map((child) => [child.dataset.key, child]));
  let at = container.firstElementChild;
  for (const item of items) {
    const [key, said] = [keyOf(item), JSON.stringify(item)];
    let element = kept.get(key);
    if (element?.said !== said) {
      const old = element;
      element = Object.assign(render(item), { said });
      element.dataset.key = key;
      if (old === at) at = old?.nextElementSibling ?? null;
      old?.remove();
    }
    kept.delete(key);
    if (element === at) at = at.nextElementSibling;
    else container.insertBefore(element, at);
  }
  for (const left of kept.values()) left.remove();
}

/** A list of what `path` pages through, as rows of `container`. `empty` is shown where there is
 *  nothing; an item that `changes` is looked at again sooner. */
export function listing({ path, container, render, keyOf = (item) => item.id, empty, changes = () => false }) {
  const more = h("button", { type: "button", class: "further", hidden: true, on: { click: further } }, "Show more");
  const note = h("div", { class: "note" }, h("p", { class: "notice" }, "Loading …"));
  const element = h("div", {}, container, note, more);
  let [asked, items, next, depth, timer, ended] = [path, [], null, 1, null, false];

  async function refresh() {
    clearTimeout(timer);
    const asking = asked;
    try {
      const found = keep(await page(asking, { tries: 2 }));
      if (asking !== asked || ended) return;
      // Who went on to further pages is not sent back; what is new waits for the next visit.
      if (depth === 1) take(found.items, found.next);
    } catch (error) {
      if (asking !== asked || ended) return;
      if (depth === 1) note.replaceChildren(h("p", { class: "notice", role: "alert" }, error.message));
    }
    const wait = items.some(changes) ? SOON_MS : AGAIN_MS;
    if (!ended) timer = setTimeout(refresh, document.hidden ? wait * 6 : wait);
  }

  function take(found, path) {
    [items, next] = [found, path];
    reconcile(container, items, keyOf, render);
    container.hidden = items.length === 0;
    note.replaceChildren(...(items.length === 0 ? [empty()] : []));
    more.hidden = next === null;
  }

  async function further() {
    if (next === null) return;
    more.setAttribute("aria-disabled", "true");
    try {
      const found = keep(await page(next));
      depth += 1;
      take([...items, ...found.items], found.next);
    } catch (error) {
      note.replaceChildren(h("p", { class: "notice", role: "alert" }, error.message));
    }
    more.removeAttribute("aria-disabled");
  }

  /** Reads the beginning again, of another path if there is one. */
  function restart(other = asked) {
    [asked, depth] = [other, 1];
    return refresh();
  }

  return { element, load: refresh, restart, end: () => { ended = true; clearTimeout(timer); } };
}
