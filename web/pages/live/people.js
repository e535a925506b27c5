/** People: their picture, their name, a row for each, and what the reader may do about them. */

import { command } from "./api.js";
import { h, toast } from "./dom.js";
import { mayAct } from "./joining.js";
import { signedInAs } from "./session.js";
import { accounts, hear, relate, tell } from "./store.js";

const HUES = 10;
const UNKNOWN = { id: "0", handle: "", display_name: "Somebody", bio: "", counts: {} };

export const person = (id) => accounts.get(id) ?? UNKNOWN;
export const pathOf = (account) => `#/@${account.handle}`;

/** The same colour for the same person everywhere. */
export function hueOf({ handle }) {
  let hash = 0x811c9dc5; // FNV-1a
  for (const letter of handle.toLowerCase()) hash = Math.imul(hash ^ letter.codePointAt(0), 0x01000193);
  return `hue-${(hash >>> 0) % HUES}`;
}

/** A letter on a colour of their own; decorative, so their name has to stand beside it. */
export function avatar(account, size = "") {
  const [letter = "?"] = Array.from(account.display_name.trim());
  return h("span", { class: `avatar ${hueOf(account)} ${size}`, "aria-hidden": "true" }, letter.toUpperCase());
}

/** Name and handle. Both are kept from turning the line around (bdi). */
export function name(account) {
  return [h("bdi", { class: "name" }, account.display_name), " ", h("bdi", { class: "handle" }, `@${account.handle}`)];
}

/** Follow or Following; null for oneself. It keeps up with every other button for the account. */
export function followButton(account) {
  if (account.id === signedInAs()) return null;
  const button = h("button", { type: "button", class: "follow", "data-follow": account.id });
  button.addEventListener("click", () => toggleFollow(account.id));
  paint(button, account);
  return button;
}

function paint(button, account) {
  const following = account.viewer?.following ?? false;
  button.textContent = following ? "Following" : "Follow";
  button.setAttribute("aria-pressed", following);
  button.setAttribute("aria-label", `Follow @${account.handle}`);
}

async function toggleFollow(id) {
  if (!mayAct()) return;
  const following = !(person(id).viewer?.following ?? false);
  if (await setRelation(id, "follow", { following })) tell("follows", id);
}

/** Sets follow, mute or block; shows it at once and takes it back if the server refuses. */
export async function setRelation(id, what, change) {
  const [field, value] = Object.entries(change)[0];
  relate(id, change);
  try {
    await command(value ? "PUT" : "DELETE", `/v1/accounts/${id}/${what}`);
    return true;
  } catch (error) {
    relate(id, { [field]: !value });
    toast(error.message, { wrong: true });
    return false;
  }
}

hear("related", (account) => {
  for (const button of document.querySelectorAll(`[data-follow="${account.id}"]`)) paint(button, account);
});

/** A row in a list of people. */
export function personRow(account, { bio = true } = {}) {
  return h("article", { class: "person" },
    h("a", { href: pathOf(account), class: "person-link" }, avatar(account),
      h("span", { class: "person-name" }, ...name(account))),
    followButton(account),
    bio && account.bio ? h("p", { class: "bio", dir: "auto" }, account.bio) : null);
}
