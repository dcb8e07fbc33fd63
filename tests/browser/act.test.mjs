// What a form becomes when the script sends it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { actions, bodyOf } from "../../static/action.js";
import { formatters } from "../../static/paint.js";

test("what was left empty is left out, and numbers are numbers", () => {
    assert.deepEqual(bodyOf({ rating: "", note: " ", who: "Ann" }), { who: "Ann" });
    assert.deepEqual(bodyOf({ rating: "0", note: "Spoke to her." }), { rating: 0, note: "Spoke to her." });
    assert.deepEqual(bodyOf({ session_id: "82673", tags: "a, b,," }), { session_id: 82673, tags: ["a", "b"] });
    assert.deepEqual(bodyOf({ sure: "true" }), { sure: true });
    assert.deepEqual(bodyOf({ session: "82673", who: "Ann" }), { session: 82673, who: "Ann" });
    assert.deepEqual(bodyOf({ session: "" }), {}, "the rules are to decide");
});

test("possible calls are counted in words", () => {
    const text = (candidates) => formatters.possible(candidates).text;
    assert.equal(text(undefined), "Is it another call?");
    assert.equal(text({ 7: {} }), "1 other possible call");
    assert.equal(text({ 7: {}, 8: {} }), "2 possible calls");
});

test("a form is offered exactly while its action is", () => {
    const at = (doc) => ({ doc });
    const shown = (actions, kind, doc = {}) => formatters.offer(actions, `${kind}:a:b`, at(doc))["data-offered"];
    assert.equal(shown({ reply: true }, "reply"), "");
    assert.equal(shown({ reply: true }, "close"), null);
    assert.equal(shown(undefined, "reply"), null);
    assert.equal(shown({ reply: true }, "reply", { sources: { goodays: { state: "off" } } }), null);
    // The mark is for messages that Goodays cannot be told about, and that still wait.
    const waiting = { feedback: { "a:b": { needsReply: true } } };
    assert.equal(shown({ message: true }, "no-answer-needed", waiting), "");
    assert.equal(shown({ message: true, close: true }, "no-answer-needed", waiting), null);
    assert.equal(shown({ message: true }, "no-answer-needed", { feedback: { "a:b": { needsReply: false } } }), null);
});

/** A form as the script sees it, with an answer that comes when it is told to. */
function sending(kept = {}) {
    const listeners = {};
    const text = { name: "content", value: "Dear", defaultValue: "", readOnly: false, matches: () => false };
    const button = { disabled: false };
    const answer = { dataset: {}, after: (node) => (answer.next = node), focus: () => {} };
    const form = {
        action: "http://house/api/v1/feedback/r1/reply",
        dataset: {},
        elements: [text],
        matches: () => true,
        closest: () => null,
        toggleAttribute: () => {},
        reset: () => (text.value = ""),
        querySelector: (what) => (what === "[data-answer]" ? answer : null),
        querySelectorAll: (what) => (what === "button" ? [button] : what.includes("textarea") ? [text] : []),
    };
    globalThis.location ??= { href: "http://house/feedback/r1" };
    globalThis.localStorage = {
        setItem: (name, value) => (kept[name] = value),
        getItem: (name) => kept[name] ?? null,
        removeItem: (name) => delete kept[name],
    };
    globalThis.document = {
        documentElement: { dataset: {} },
        createElement: () => ({ dataset: {} }),
        activeElement: text,
    };
    globalThis.FormData = class extends Map {
        constructor() {
            super([["content", text.value]]);
        }
    };
    const sent = [];
    globalThis.fetch = (address, request) => new Promise((done) => sent.push({ body: JSON.parse(request.body), done }));
    actions({ querySelectorAll: () => [], addEventListener: (type, listener) => (listeners[type] = listener) });
    listeners.submit({ target: form, submitter: null, preventDefault: () => {} });
    return { text, button, sent, answer };
}

test("words cannot be typed into a reply that is on its way", async () => {
    const { text, button, sent } = sending();
    assert.deepEqual([text.readOnly, button.disabled], [true, true]);
    sent[0].done({ ok: true });
    await new Promise(setImmediate);
    assert.deepEqual([text.readOnly, button.disabled, text.value], [false, false, ""]);
});

test("what was refused may be changed and sent again", async () => {
    const { text, sent, answer } = sending();
    sent[0].done({ ok: false, status: 422, json: async () => ({ title: "Too long." }) });
    await new Promise(setImmediate);
    assert.deepEqual([text.readOnly, text.value, answer.textContent], [false, "Dear", "Too long."]);
});
