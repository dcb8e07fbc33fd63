// RFC 7396, appendix A, but for the examples whose result holds a null, which our documents never do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { apply, at, touched } from "../../static/patch.js";

const examples = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
        ["a", "b"],
        ["c", "d"],
        ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, "bar", "bar"],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

test("the examples of RFC 7396", () => {
    for (const [target, patch, result] of examples)
        assert.deepEqual(apply(target, patch), result, JSON.stringify(patch));
});

test("a patch leaves the old document as it was and shares what it does not name", () => {
    const before = { a: { x: 1 }, b: { y: 2 } };
    const after = apply(before, { a: { x: 3 } });
    assert.deepEqual(before, { a: { x: 1 }, b: { y: 2 } });
    assert.equal(after.b, before.b);
});

test("a key that means something to the language is only a key", () => {
    const after = apply({}, JSON.parse('{"__proto__":{"polluted":true}}'));
    assert.equal({}.polluted, undefined);
    assert.equal(after.polluted, undefined);
    assert.ok(Object.hasOwn(after, "__proto__"));
});

test("what a patch touches is named down to the leaves, with all that a removal takes along", () => {
    const paths = (before, patch) => {
        const found = [];
        touched(before, patch, (path) => found.push(path));
        return found.sort();
    };
    assert.deepEqual(paths({ a: { b: 1, c: 2 } }, { a: { b: 3 } }), ["a/b"]);
    assert.deepEqual(paths({ a: { b: { c: 1 } } }, { a: { b: null } }), ["a/b", "a/b/c"]);
    assert.deepEqual(paths({ a: {} }, { a: { "x/y": { z: 1 } } }), ["a/x~1y", "a/x~1y/z"]);
});

test("a path finds its value, whatever its keys are made of", () => {
    assert.equal(at({ a: { "x/y~": 5 } }, "a/x~1y~0"), 5);
    assert.equal(at({ a: {} }, "a/toString"), undefined);
});
