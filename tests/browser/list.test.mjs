// A list stands in the order that the server gives it: what needs somebody first, then the newest.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ordered } from "../../static/list.js";
import { formatters } from "../../static/paint.js";

test("what needs somebody stands first then the newest", () => {
    const at = (hour) => `2026-11-21T${hour}:00:00Z`;
    for (const [collection, items, wanted] of [
        [
            "feedback",
            {
                a: { state: "closed", created: at(15) },
                b: { state: "open", created: at(10) },
                c: { state: "open", created: at(12) },
                d: { state: "closed", needsReply: true, created: at(11) },
                e: { state: "pending", created: at(14) },
                f: { state: "odd", created: at(16) },
                g: { state: "open", needsReply: true },
            },
            ["d", "g", "e", "c", "b", "f", "a"],
        ],
        [
            "surveys",
            {
                a: { state: "accepted", created: at(15) },
                b: { state: "needsReview", created: at(10) },
                c: { state: "dryRun", mayRetry: true, created: at(16) },
                d: { state: "failed", mayRetry: true, created: at(12) },
                e: { state: "accepted", mayRecover: true, created: at(11) },
                f: { state: "unknown", created: at(12) },
            },
            ["d", "f", "e", "b", "c", "a"],
        ],
    ]) {
        assert.deepEqual(ordered(Object.keys(items).reverse(), items, collection), wanted, collection);
    }
});

test("a page says which part of the list it is", () => {
    const said = (value) => formatters.listRange(value).text;
    const list = { total: 4000, needsAction: 1, page: 2, pages: 40 };
    assert.equal(said(list), "101 to 200 of 4,000, 1 needs action");
    assert.equal(said({ ...list, page: 41 }), "Nothing is left here; 4,000 in all, 1 needs action");
    assert.equal(said({ ...list, total: 7, page: 1, needsAction: 0 }), "1 to 7 of 7, none needs action");
    assert.equal(said({ ...list, total: 0, page: 1 }), "");
    assert.deepEqual(
        [
            formatters.listOlder(list).hidden,
            formatters.listOlder({ ...list, page: 40 }).hidden,
            formatters.listOlder(undefined).hidden,
        ],
        [null, "", ""],
    );
});
