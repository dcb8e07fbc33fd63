// A wallboard whose rows no longer fit the floor asks for another page, and does not do so all the time.

import assert from "node:assert/strict";
import { test } from "node:test";

import { isUnfinished, shown } from "../../static/wallboard.js";

const floor = { queues: { 11: {}, 3: {}, 7: {} } };
const MINUTE = 60_000;

test("a board shows those of its queues that are there; without a list, all", () => {
    assert.equal(shown(floor, "7,3,99"), "3,7");
    assert.equal(shown(floor, ""), "11,3,7");
    assert.equal(shown({}, "7"), "");
});

test("a board that was rendered before its queues were known is rendered again", () => {
    const rendered = shown({ queues: { 3: {} } }, "3,7");
    assert.equal(isUnfinished(rendered, shown(floor, "3,7"), MINUTE), true);
    assert.equal(isUnfinished(rendered, shown(floor, "3,7"), MINUTE - 1), false, "at most once a minute");
    assert.equal(isUnfinished(rendered, rendered, 10 * MINUTE), false, "nothing is missing");
});

test("a board without any queue tries again, because only the server finds queues by name", () => {
    assert.equal(isUnfinished("", "", MINUTE), true);
});
