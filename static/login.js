// Removes what was kept for a user who is signed out, or who is about to sign in as another one. A user who is still
// signed in may have come by a bookmark, or by another site's link, and keeps their drafts.

import { forget } from "./signed_out.js";

if (!("in" in (document.getElementById("content")?.dataset ?? {}))) forget();
document.addEventListener("submit", forget);
