/** What others did that concerns the reader. */

import { command, read } from "./api.js";
import { h, icon } from "./dom.js";
import { list, nothing } from "./lists.js";
import { avatar, pathOf, person } from "./people.js";
import { signedInAs } from "./session.js";
import { hear, posts, tell } from "./store.js";
import { heading } from "./timelines.js";
import { when } from "./text.js";

const SAID = {
  mention: ["reply", "mentioned you"],
  reply: ["reply", "replied to you"],
  quote: ["repost", "quoted you"],
  repost: ["repost", "reposted your post"],
  like: ["like", "likes your post"],
  follow: ["person", "follows you"],
};

/** The view of notifications. Looking at them is reading them. */
export function notifications() {
  const stop = new AbortController();
  const told = list({ path: "/v1/notifications", label: "Notifications", render: row, empty: () =>
    nothing("All quiet", "Likes, replies, mentions and new followers will be here.") });
  const element = h("div", {}, heading("Notifications"), told.element);

  const markRead = async (id) => {
    try {
      await command("PUT", "/v1/notifications/read", { up_to_id: id });
      tell("unread", 0);
    } catch {
      // They stay unread, and the next look marks them.
    }
  };
  const load = async () => {
    const found = await told.load();
    if (found?.items?.length > 0 && !found.items[0].read) await markRead(found.items[0].id);
  };
  hear("notification", (item) => {
    const { display_name: who } = person(item.actor_id);
    told.offer(item, `${who} ${SAID[item.kind][1]}`);
    if (!element.closest("[hidden]") && element.isConnected) markRead(item.id);
  }, { signal: stop.signal });
  hear("reset", told.reload, { signal: stop.signal });
  return { title: "Notifications", element, load, end: () => { stop.abort(); told.end(); } };
}

function row(item) {
  const actor = person(item.actor_id);
  const [drawn, words] = SAID[item.kind];
  const post = posts.get(item.post_id);
  const target = post === undefined ? pathOf(actor) : `#/post/${post.id}`;
  return h("article", { class: `told ${item.read ? "" : "unread"} ${item.kind}`, tabindex: "0", "aria-label": `${actor.display_name} ${words}` },
    icon(drawn), avatar(actor),
    h("p", {}, h("a", { href: pathOf(actor), class: "name" }, h("bdi", {}, actor.display_name)), " ",
      h("a", { href: target, class: "what" }, words), " ", when(item.created_at)),
    post === undefined ? null : h("p", { class: "said", dir: "auto" }, post.text));
}

/** Keeps the number of unread ones; `show` is called with it. */
export async function countUnread(show) {
  let count = 0;
  const set = (value) => { count = value; show(count); };
  hear("unread", set);
  hear("notification", () => set(count + 1));
  hear("opened", ask);
  hear("reset", ask);
  async function ask() {
    if (signedInAs() === null) return set(0);
    try {
      set((await read("/v1/notifications/unread")).count);
    } catch {
      // The number is a courtesy; the next connection asks again.
    }
    return undefined;
  }
  await ask();
}
