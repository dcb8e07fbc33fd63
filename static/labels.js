// Texts for people, from the catalogue that src/web/pages/words.rs reads too. A name without an entry is shown as it
// came.

import tables from "./en.js";

/** The word for a name, such as `word("status", "inCall")`; the name itself where there is no word. */
export const word = (table, name = "") => (Object.hasOwn(tables[table], name) ? tables[table][name] : String(name));

/** A text with its `{placeholders}` filled in. A placeholder without a value stays as it is. */
export const fill = (text, values) =>
  text.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));

/** A sentence, or a part of one, from the catalogue. */
export const text = (name, values = {}) => fill(word("text", name), values);

/** A value with its unit, as the catalogue writes it. */
export const pattern = (name, values = {}) => fill(word("format", name), values);

/** Why there is a dash instead of a value. */
export const reason = (name, values = {}) => fill(word("reason", name), values);

/** The seven activities, in the order in which a supervisor looks for them. */
export const ACTIVITIES = ["available", "ringing", "inContact", "afterCall", "away", "unknown", "loggedOut"];

/** The states of a survey request, in the order of its lifecycle. */
export const SURVEYS = Object.keys(tables.survey);

/** Promoter, passive or detractor, by an answer of 0 to 10. */
export const promoter = (score) => word("promoter", score >= 9 ? "promoter" : score >= 7 ? "passive" : "detractor");
