// The script writes every value as the server does: one table of cases for both (src/web/pages/tests.rs is the other).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as format from "../../static/format.js";
import { promoter, word } from "../../static/labels.js";

const cases = JSON.parse(readFileSync(new URL("../fixtures/formats.json", import.meta.url), "utf8"));

const check = (name, write) =>
    test(`${name} is written as the server writes it`, () => {
        for (const given of cases[name])
            assert.equal(write(...given.slice(0, -1)), given.at(-1), JSON.stringify(given));
    });

check("duration", format.duration);
check("ago", format.ago);
check("clockOffset", format.clockOffset);
check("number", format.number);
check("clock", (at, zone) => format.clock(Date.parse(at), zone));
check("moment", (at, zone, now) => format.moment(Date.parse(at), zone, Date.parse(now)));
check("since", (at, zone, now) => format.since(Date.parse(at), zone, Date.parse(now)));
check("label", format.label);
check("metric", format.metric);
check("metricTotal", format.metricCell);
check("others", format.others);
check("promoter", promoter);
check("why", format.why);

test("scores carry their sample, and small samples are no scores", () => {
    for (const [score, text, sample] of cases.nps) {
        assert.equal(format.nps(score), text, JSON.stringify(score));
        assert.equal(format.sample(score), sample, JSON.stringify(score));
    }
});

test("what is counted is written with what it stands on", () => {
    for (const [value, style, text, note, title, small] of cases.stat) {
        assert.deepEqual(format.stat(value ?? undefined, style), { text, note, title, small }, JSON.stringify(value));
    }
});

for (const [table, words] of Object.entries(cases.words)) {
    test(`the words of ${table} are the server's`, () => {
        for (const [name, text] of words) assert.equal(word(table, name), text);
    });
}
