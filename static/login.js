// Whoever comes here is signed in no longer, or is about to be somebody else: nothing that was kept for them stays.

import { forget } from "./out.js";

forget();
