// What a cell says of a number that is not known: as the server says it (src/web/pages/tests.rs).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { formatters } from "../../static/paint.js";
import { at } from "../../static/patch.js";

const { cases } = JSON.parse(readFileSync(new URL("../fixtures/unknown.json", import.meta.url), "utf8"));

for (const { name, state, metrics, cells } of cases) {
    test(`unknown numbers are said as the server says them: ${name}`, () => {
        for (const [path, kind, arg, text, title] of cells) {
            const where = { doc: state, path, now: Date.parse("2026-11-21T15:41:07Z"), zone: "UTC", metrics };
            const cell = formatters[kind](at(state, path), arg, where);
            assert.deepEqual([cell.text, cell.title ?? ""], [text, title], `${kind} of ${path} ${arg}`);
        }
    });
}
