// A page that shows no document still belongs to a sign-in: it hears when that ends, as the others do.

import { text } from "./labels.js";
import { Link } from "./live.js";
import { hideWhenLeft, isHidden, show, signedOut } from "./signed_out.js";

// A page about a problem is also shown to those who never signed in.
let isIn = document.querySelector("form.user") !== null;
let isOut = false;
hideWhenLeft();

const link = new Link(
  { address: "/api/v1/live", scope: "status", epoch: "", version: null, build: "" },
  {
    snapshot: () => {
      isIn = true;
      if (isOut) location.reload();
    },
    patch: () => {},
    now: () => {},
    heard: show,
    build: () => {},
    reload: () => {},
    state: (state) => {
      if (state === "tooMany" && isHidden()) {
        isOut = true;
        const main = document.getElementById("content");
        main?.replaceChildren(Object.assign(document.createElement("h1"), { textContent: text("tooManyPagesHidden") }));
        show();
      }
      if (state !== "signedOut" || !isIn || isOut) return;
      isOut = true;
      link.version = null;
      signedOut();
    },
  },
);
