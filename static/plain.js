// A page without a document still belongs to a sign-in: it is notified when that ends, as the others are.

import { text } from "./labels.js";
import { Link } from "./live.js";
import { hideWhenLeft, isHidden, show, signedOut } from "./signed_out.js";

// An error page is also shown to users who never signed in.
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
    received: show,
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
