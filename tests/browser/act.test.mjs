// What a form becomes when the script sends it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bodyOf } from "../../static/act.js";
import { painters } from "../../static/paint.js";

test("what was left empty is left out, and numbers are numbers", () => {
  assert.deepEqual(bodyOf({ rating: "", note: " ", who: "Ann" }), { who: "Ann" });
  assert.deepEqual(bodyOf({ rating: "0", note: "Spoke to her." }), { rating: 0, note: "Spoke to her." });
  assert.deepEqual(bodyOf({ session_id: "82673", tags: "a, b,," }), { session_id: 82673, tags: ["a", "b"] });
  assert.deepEqual(bodyOf({ sure: "true" }), { sure: true });
  assert.deepEqual(bodyOf({ session: "82673", who: "Ann" }), { session: 82673, who: "Ann" });
  assert.deepEqual(bodyOf({ session: "" }), {}, "the rules are to decide");
});

test("possible calls are counted in words", () => {
  const text = (candidates) => painters.possible(candidates).text;
  assert.equal(text(undefined), "Is it another call?");
  assert.equal(text({ 7: {} }), "1 other possible call");
  assert.equal(text({ 7: {}, 8: {} }), "2 possible calls");
});

test("a form is offered exactly while its action is", () => {
  const at = (doc) => ({ doc });
  const shown = (actions, kind, doc = {}) => painters.offer(actions, `${kind}:a:b`, at(doc))["data-offered"];
  assert.equal(shown({ reply: true }, "reply"), "");
  assert.equal(shown({ reply: true }, "close"), null);
  assert.equal(shown(undefined, "reply"), null);
  assert.equal(shown({ reply: true }, "reply", { sources: { goodays: { state: "off" } } }), null);
  // The mark is for messages that Goodays cannot be told about, and that still wait.
  const waiting = { feedback: { "a:b": { waits: true } } };
  assert.equal(shown({ message: true }, "no-answer-needed", waiting), "");
  assert.equal(shown({ message: true, close: true }, "no-answer-needed", waiting), null);
  assert.equal(shown({ message: true }, "no-answer-needed", { feedback: { "a:b": { waits: false } } }), null);
});
