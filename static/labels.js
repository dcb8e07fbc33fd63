// Names of our documents in words for people, from the catalogue that src/web/pages/words.rs reads too. A name without
// a word is shown as it came.

import tables from "./en.js";

/** The word for a name, such as `word("status", "inCall")`; the name itself where there is no word. */
export const word = (table, name = "") => (Object.hasOwn(tables[table], name) ? tables[table][name] : String(name));

/** The seven activities, in the order in which a supervisor looks for them. */
export const ACTIVITIES = ["available", "ringing", "inContact", "afterCall", "away", "unknown", "loggedOut"];

/** Where a survey request may stand, in the order of its life. */
export const SURVEYS = Object.keys(tables.survey);

/** What an answer of 0 to 10 makes of a customer. */
export const promoter = (score) => word("promoter", score >= 9 ? "promoter" : score >= 7 ? "passive" : "detractor");
