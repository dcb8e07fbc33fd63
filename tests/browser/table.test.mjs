// The order of a table: values that are not known stand last, and a paused order knows how far it is from being kept.

import assert from "node:assert/strict";
import { test } from "node:test";

import { paint } from "../../static/paint.js";
import { byNumber, byText, compare, moves } from "../../static/order.js";

test("what has no value stands last whichever way", () => {
    for (const [by, values, rising] of [
        [byNumber, ["10", "", "-3", "9", "0"], ["-3", "0", "9", "10", ""]],
        [byNumber, ["NaN", "2", "1"], ["1", "2", "NaN"]],
        [byText, ["Zoe", "", "eve", "Adam", "\u00c9lodie"], ["Adam", "\u00c9lodie", "eve", "Zoe", ""]],
        [byText, ["10", "9", "9a", "100"], ["9", "9a", "10", "100"]],
    ]) {
        assert.deepEqual(
            values.toSorted((a, b) => compare(a, b, by, 1)),
            rising,
        );
        const isKnown = (value) => value !== "" && value !== "NaN";
        const falling = [...rising.filter(isKnown).toReversed(), ...rising.filter((value) => !isKnown(value))];
        assert.deepEqual(
            values.toSorted((a, b) => compare(a, b, by, -1)),
            falling,
        );
    }
});

test("rows that would move are counted, and only those that are seen", () => {
    const [a, b, c, d] = [{}, {}, {}, { hidden: true }];
    for (const [rows, wanted, count] of [
        [[a, b, c], [a, b, c], 0],
        [[a, b, c], [c, a, b], 1],
        [[a, b, c], [c, b, a], 2],
        [[a, b, d], [d, a, b], 0],
        [[], [], 0],
    ]) {
        assert.equal(moves(rows, wanted), count);
    }
});

test("a cell without a value has no place in the order", () => {
    const sort = (as, value) => {
        const node = {
            dataset: { as },
            textContent: "",
            firstChild: null,
            getAttribute: () => null,
            setAttribute() {},
            removeAttribute() {},
        };
        paint(node, value, { doc: {}, now: 0, zone: "UTC" });
        return node.dataset.sort;
    };
    for (const [as, value, wanted] of [
        ["status", { activity: "juggling" }, ""],
        ["status", { activity: "" }, 5],
        ["status", { activity: "available" }, 0],
        ["team", {}, ""],
        ["team", { team: 3 }, "Team 3"],
        ["since", undefined, ""],
        ["waiting", undefined, ""],
        ["waiting", 0, 0],
    ]) {
        assert.equal(sort(as, value), wanted, `${as} ${JSON.stringify(value)}`);
    }
});
