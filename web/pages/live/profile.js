/** One person: who they are, what they post, whom they follow. */

import { command, read } from "./api.js";
import { field, form, openDialog } from "./dialogs.js";
import { h, toast } from "./dom.js";
import { join, leave } from "./joining.js";
import { list, nothing } from "./lists.js";
import { menu } from "./menu.js";
import { avatar, followButton, hueOf, name, pathOf, personRow, setRelation } from "./people.js";
import { postCard } from "./posts.js";
import { signedInAs } from "./session.js";
import { accounts, hear, keepAccount, tell } from "./store.js";
import { heading } from "./timelines.js";
import { monthOf, tallied } from "./text.js";

const TABS = [["", "Posts"], ["replies", "Replies"], ["followers", "Followers"], ["following", "Following"]];

/** The view of a profile; `tab` is one of TABS. */
export function profile(handle, tab = "") {
  const stop = new AbortController();
  const head = h("div", {});
  const below = h("div", {});
  const element = h("div", {}, heading(`@${handle}`), head, below);
  let ended = () => {};
  let shown = null;

  async function load() {
    try {
      shown = keepAccount(await read(`/v1/accounts/by-handle/${encodeURIComponent(handle)}`));
    } catch (error) {
      const missing = error.status === 404;
      head.replaceChildren(nothing(missing ? "Nobody has this handle" : "This did not work", error.message));
      return;
    }
    head.replaceChildren(card(shown), tabs(shown, tab));
    const items = tab.startsWith("follow") ? peopleOf(shown, tab) : postsOf(shown, tab);
    below.replaceChildren(items.element);
    ended = items.end;
    await items.load();
  }

  hear("related", (account) => {
    if (account.id !== shown?.id) return;
    const focused = document.activeElement?.dataset?.follow;
    head.replaceChildren(card(account), tabs(account, tab));
    if (focused) head.querySelector("[data-follow]")?.focus();
  }, { signal: stop.signal });
  hear("profiled", (account) => account.id === shown?.id && head.replaceChildren(card(account), tabs(account, tab)),
    { signal: stop.signal });
  return { title: `@${handle}`, element, load, end: () => { stop.abort(); ended(); } };
}

function card(account) {
  const viewer = account.viewer ?? {};
  return h("section", { class: "profile", "aria-label": "Profile" },
    h("div", { class: `banner ${hueOf(account)}` }),
    h("div", { class: "profile-top" }, avatar(account, "big"), h("div", { class: "buttons" }, ...deeds(account))),
    h("p", { class: "profile-name" }, ...name(account),
      viewer.followed_by ? h("span", { class: "tag" }, "Follows you") : null,
      viewer.muting ? h("span", { class: "tag" }, "Muted") : null,
      viewer.blocking ? h("span", { class: "tag" }, "Blocked") : null),
    account.bio ? h("p", { class: "bio", dir: "auto" }, account.bio) : null,
    h("p", { class: "soft" }, `Joined ${monthOf(account.created_at)}`),
    h("p", { class: "tally" },
      h("a", { href: `${pathOf(account)}/following` }, tallied(account.counts.following, "following", "following")),
      h("a", { href: `${pathOf(account)}/followers` }, tallied(account.counts.followers, "follower")),
      tallied(account.counts.tweets, "post")));
}

function deeds(account) {
  const button = (words, act, kind = "") => h("button", { type: "button", class: kind, on: { click: act } }, words);
  if (account.id === signedInAs()) return [button("Edit profile", () => edit(account)), button("Sign out", leave)];
  if (signedInAs() === null) return [button("Follow", () => join("up"), "follow")];
  const viewer = account.viewer ?? {};
  const toggle = (what, fieldName, words) => async () => {
    if (!(await setRelation(account.id, what, { [fieldName]: !viewer[fieldName] }))) return;
    tell("follows", account.id);
    toast(`@${account.handle} is ${viewer[fieldName] ? "no longer " : ""}${words}`);
  };
  return [
    menu(`More about @${account.handle}`, () => [
      [viewer.muting ? "Unmute" : "Mute", toggle("mute", "muting", "muted")],
      [viewer.blocking ? "Unblock" : "Block", toggle("block", "blocking", "blocked"), "danger"],
    ]),
    viewer.blocking ? null : followButton(account),
  ];
}

function tabs(account, current) {
  const path = (tab) => (tab === "" ? pathOf(account) : `${pathOf(account)}/${tab}`);
  return h("nav", { class: "tabs", "aria-label": "Profile" }, ...TABS.map(([tab, words]) =>
    h("a", { href: path(tab), "aria-current": tab === current ? "page" : null }, words)));
}

function postsOf(account, tab) {
  return list({
    path: `/v1/accounts/${account.id}/posts${tab === "replies" ? "?kind=reply" : ""}`,
    label: `Posts of @${account.handle}`,
    render: (item) => postCard(item),
    empty: () => nothing("Nothing here yet", `What @${account.handle} writes will be here.`),
  });
}

function peopleOf(account, tab) {
  return list({
    path: `/v1/accounts/${account.id}/${tab}`,
    label: tab,
    role: "group",
    render: (item) => personRow(keepAccount(item)),
    empty: () => nothing("Nobody yet", tab === "followers" ? "Nobody follows this account." : "This account follows nobody."),
  });
}

function edit(account) {
  openDialog("Edit profile", (done) => {
    const fields = {
      display_name: field("Name", { maxlength: 50, autocomplete: "name" }),
      bio: field("Bio", { rows: 3, maxlength: 160 }, "Up to 160 characters"),
    };
    fields.display_name.input.value = account.display_name;
    fields.bio.input.value = account.bio;
    return form(fields, "Save", async (values) => {
      const changed = await command("PATCH", "/v1/accounts/me", values);
      tell("profiled", keepAccount({ ...accounts.get(account.id), display_name: changed.display_name, bio: changed.bio }));
      done();
    });
  });
}
