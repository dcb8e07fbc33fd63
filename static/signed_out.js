// After a sign-in has ended, nothing of it stays in the browser: not on the page, in its title, forms or address, and
// not in the browser's storage.

import { text, word } from "./labels.js";

/** Forgets what the browser keeps for this site. The server requests the same, which browsers honor only over TLS. */
export function forget() {
  for (const store of [() => localStorage, () => sessionStorage]) {
    try {
      store().clear();
    } catch {
      // Storage is forbidden here: then it is empty.
    }
  }
}

/**
 * A browser may keep a page that the user left, and show it again: it stays hidden until the server allows it.
 */
export function hideWhenLeft() {
  window.addEventListener("pagehide", () => document.documentElement.classList.add("away"));
}

/** The server allows it. */
export function show() {
  document.documentElement.classList.remove("away");
}

/** Whether the server has not allowed it yet. */
export function isHidden() {
  return document.documentElement.classList.contains("away");
}

/** Reduces the page to a heading, and returns the element for texts below it. */
export function wipe(heading, className = "problem") {
  // A request in flight must find nothing to keep when it fails.
  for (const form of document.forms) form.reset();
  for (const field of document.querySelectorAll("textarea, input")) field.defaultValue = field.value = "";
  forget();
  document.title = text("signedOutTitle");
  // The address has the search text.
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
