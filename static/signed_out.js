// After a sign-in has ended nothing of it stays in the browser: not on the page, in its title, its forms or its
// address, and not in what the browser keeps for us.

import { text, word } from "./labels.js";

/** Forgets what the browser keeps for this site. The server asks for the same, which browsers hear over TLS alone. */
export function forget() {
  for (const store of [() => localStorage, () => sessionStorage]) {
    try {
      store().clear();
    } catch {
      // It is forbidden here: then there is nothing in it.
    }
  }
}

/**
 * A browser may keep a page that is left, and show it again: not before the server has said that it may still be seen.
 */
export function hideWhenLeft() {
  window.addEventListener("pagehide", () => document.documentElement.classList.add("away"));
}

/** The server has said so. */
export function show() {
  document.documentElement.classList.remove("away");
}

/** Whether it has not said so yet. */
export function isHidden() {
  return document.documentElement.classList.contains("away");
}

/** Leaves of the page a heading, and returns what else may be said below it. */
export function wipe(heading, className = "problem") {
  // A request that is on its way must find nothing to keep when it fails.
  for (const form of document.forms) form.reset();
  for (const field of document.querySelectorAll("textarea, input")) field.defaultValue = field.value = "";
  forget();
  document.title = text("signedOutTitle");
  // What was searched for stands in the address.
  history.replaceState(null, "", location.pathname);
  for (const name of ["person", "scope", "epoch", "version", "queueMetrics"])
    delete document.documentElement.dataset[name];
  show();
  const main = Object.assign(document.createElement("main"), { id: "content", className });
  main.append(Object.assign(document.createElement("h1"), { role: "alert", textContent: heading }));
  document.body.replaceChildren(main);
  return main;
}

/** The same, with the way back in. */
export function signedOut() {
  const main = wipe(text("signedOut"));
  const href = `/login?then=${encodeURIComponent(location.pathname)}`;
  main.append(
    Object.assign(document.createElement("a"), { className: "enter", href, textContent: word("label", "signIn") }),
  );
}
