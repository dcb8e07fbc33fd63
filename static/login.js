// Nothing stays that was kept for a user who is signed in no longer, or who is about to be another one. Who is still
// signed in may have come here by a bookmark, or by another site's link, and keeps their drafts.

import { forget } from "./signed_out.js";

if (!("in" in (document.getElementById("content")?.dataset ?? {}))) forget();
document.addEventListener("submit", forget);
