/** Sign up, sign in, sign out. */

import { command, forget, signed } from "./api.js";
import { field, form, openDialog } from "./dialogs.js";
import { h, toast } from "./dom.js";
import { begin, end, signedInAs } from "./session.js";

const HANDLE_MAX = 20;
const NAME_MAX = 50;

/** Opens the dialog; `mode` is "up" or "in". */
export function join(mode) {
  openDialog(mode === "up" ? "Join Starling" : "Sign in to Starling", (done) => {
    const other = h("button", { type: "button", class: "link" }, mode === "up" ? "Sign in instead" : "Sign up instead");
    other.addEventListener("click", () => { done(); join(mode === "up" ? "in" : "up"); });
    const question = mode === "up" ? "Here already? " : "New here? ";
    return h("div", {}, joinForm(mode, { done, autofocus: true }), h("p", { class: "aside" }, question, other));
  });
}

/** The form itself. */
export function joinForm(mode, { done = () => {}, autofocus = false } = {}) {
  const up = mode === "up";
  const fields = {
    handle: field("Handle", {
      name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false",
      maxlength: HANDLE_MAX, required: true, autofocus,
    }, up ? "Letters, digits and _, up to 20" : null),
    ...(up && { display_name: field("Name (optional)", { name: "name", autocomplete: "name", maxlength: NAME_MAX }) }),
    password: field("Password", {
      name: "password", type: "password", autocomplete: up ? "new-password" : "current-password", required: true,
    }, up ? "At least 8 characters" : null),
  };
  return form(fields, up ? "Sign up" : "Sign in", async ({ handle, password, display_name: name = "" }) => {
    const credentials = { handle: handle.trim().replace(/^@/, ""), password };
    if (up) await command("POST", "/v1/accounts", { ...credentials, display_name: name.trim() });
    await begin(await command("POST", "/v1/sessions", credentials));
    done();
  });
}

/** Ends the session here and on the server. */
export async function leave() {
  try {
    await fetch("/v1/sessions", { method: "DELETE", headers: await signed() });
  } catch {
    toast("You are signed out here; the server could not be told.", { wrong: true });
  }
  forget();
  if (signedInAs() !== null) await end();
}

/** True if somebody is signed in; else asks to join. */
export function mayAct() {
  if (signedInAs() !== null) return true;
  join("up");
  return false;
}
