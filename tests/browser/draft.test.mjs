// What was typed is kept by form and person, and goes when it was sent; what is said when nobody answered is true.

import assert from "node:assert/strict";
import { test } from "node:test";

import { noAnswer } from "../../static/action.js";
import { question } from "../../static/ask.js";
import { Drafts, Signature } from "../../static/draft.js";

globalThis.location ??= { href: "http://house/feedback/r1" };

/** As much of a browser's storage as is used. */
function storage() {
    const kept = {};
    const deeds = {
        setItem: (name, value) => (kept[name] = value),
        getItem: (name) => kept[name] ?? null,
        removeItem: (name) => delete kept[name],
    };
    for (const [name, value] of Object.entries(deeds)) Object.defineProperty(kept, name, { value });
    return kept;
}

/** A form with these texts in it. */
function form(action, texts, key = "k1") {
    const field = (name, value) => ({
        name,
        value,
        defaultValue: "",
        matches: (what) => name === "who" && what.includes("data-remember"),
    });
    const elements = Object.entries(texts).map(([name, value]) => field(name, value));
    elements.idempotency_key = { value: key };
    return { action: `http://house${action}`, elements };
}

const text = (it, name) => it.elements.find((field) => field.name === name).value;

test("a draft is of one form and one person", () => {
    const store = storage();
    const ann = new Drafts("23", () => store);
    assert.equal(ann.keep(form("/api/v1/feedback/r1/reply", { content: "Dear", who: "Ann" })), true);
    for (const [person, action, wanted, key] of [
        ["23", "/api/v1/feedback/r1/reply", "Dear", "k1"],
        ["23", "/api/v1/feedback/r1/message", "", "k2"],
        ["23", "/api/v1/feedback/r2/reply", "", "k2"],
        ["24", "/api/v1/feedback/r1/reply", "", "k2"],
        ["", "/api/v1/feedback/r1/reply", "", "k2"],
    ]) {
        const it = form(action, { content: "", who: "" }, "k2");
        assert.equal(new Drafts(person, () => store).restore(it), wanted !== "", `${person} ${action}`);
        assert.deepEqual([text(it, "content"), text(it, "who"), it.elements.idempotency_key.value], [wanted, "", key]);
    }
});

test("a draft goes when it was sent, emptied or is old", () => {
    const store = storage();
    const drafts = new Drafts("23", () => store);
    const it = form("/a", { content: "Dear" });
    drafts.keep(it);
    drafts.drop(it);
    assert.deepEqual(Object.keys(store), []);
    drafts.keep(it);
    drafts.keep(form("/a", { content: "" }));
    assert.deepEqual(Object.keys(store), []);
    drafts.keep(it);
    store.other = "not ours";
    drafts.sweep();
    assert.equal(Object.keys(store).length, 2);
    drafts.sweep(Date.now() + 15 * 24 * 3600 * 1000);
    assert.deepEqual(Object.keys(store), ["other"]);
});

test("storage that is forbidden keeps nothing and breaks nothing", () => {
    const drafts = new Drafts("23", () => {
        throw new Error("forbidden");
    });
    const it = form("/a", { content: "Dear" });
    assert.deepEqual(
        [drafts.keep(it), drafts.restore(it), drafts.drop(it), drafts.sweep()],
        [false, false, false, undefined],
    );
});

test("nothing is lost is only said where it is so", () => {
    assert.match(noAnswer(true, true), /Nothing is lost: press again/);
    for (const [hasKey, isKept] of [
        [true, false],
        [false, true],
        [false, false],
    ])
        assert.doesNotMatch(noAnswer(hasKey, isKept), /Nothing is lost/);
    assert.doesNotMatch(noAnswer(false, true), /not be sent twice/);
});

test("a question names what was filled in, and only where it should", () => {
    const elements = { ask: { value: "Ask {name} ({email})?" }, name: { value: " {email} " }, email: { value: "a@b" } };
    assert.equal(question({ elements }, null), "Ask {name} ({email})?");
    assert.equal(question({ elements: { ...elements, ask_fill: {} } }, null), "Ask {email} (a@b)?");
    assert.equal(question({ elements: {} }, null), "");
    assert.equal(
        question({ elements }, { dataset: { ask: "Suspend Ann?" }, hasAttribute: () => false }),
        "Suspend Ann?",
    );
});

test("how one person signs is filled in for no other", () => {
    const store = storage();
    Object.assign(store, { "callboard.who": "Ann", "callboard.email": "ann@a.example", other: "not ours" });
    new Signature("23", () => store).sweep();
    assert.deepEqual(Object.keys(store), ["other"], "what was kept for whoever came next is gone");
    new Signature("23", () => store).keep("email", "ann@a.example");
    assert.equal(new Signature("23", () => store).of("email"), "ann@a.example");
    assert.deepEqual(
        [new Signature("24", () => store).of("email"), new Signature("", () => store).of("email")],
        ["", ""],
    );
});
