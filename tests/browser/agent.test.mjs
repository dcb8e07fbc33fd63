// An agent's page: the bar in proportion, and what a pressed button asks for.

import assert from "node:assert/strict";
import { test } from "node:test";

import { bodyOf } from "../../static/action.js";
import { beginning, spans } from "../../static/status_bar.js";
import { formatters } from "../../static/paint.js";

const NOW = Date.parse("2026-11-21T15:00:00Z");
const history = {
    "2026-11-21T14:00:00.5Z": { status: "inCall", activity: "inContact", until: "2026-11-21T14:30:00Z" },
    "2026-11-21T14:00:00Z": { status: "available", activity: "available", until: "2026-11-21T14:00:00.5Z" },
    "2026-11-21T14:45:00Z": { status: "atLunch", activity: "away" },
};

test("the bar begins with the first status and what goes on reaches to now", () => {
    const bar = spans(history, NOW);
    assert.deepEqual(
        bar.map(({ activity, from, width }) => [activity, from, width]),
        [
            ["inContact", 0, 500],
            ["away", 750, 250],
        ],
    );
    assert.equal(bar[1].title, "At lunch");
});

test("the bar reaches back a day and no further", () => {
    const old = { "2026-11-19T00:00:00Z": { status: "offWork", activity: "loggedOut", until: "2026-11-21T03:00:00Z" } };
    assert.equal(beginning(old, NOW), NOW - 24 * 3600 * 1000);
    assert.deepEqual(
        spans(old, NOW).map(({ from, width }) => [from, width]),
        [[0, 500]],
    );
});

test("only what is over is added up", () => {
    assert.equal(formatters.spent(history).text, "In contact 29:59");
});

test("a pressed button asks in the words of the route", () => {
    assert.deepEqual(bodyOf({ suspended: "false" }), { suspended: false });
    assert.deepEqual(bodyOf({ recording: "true" }), { recording: true });
    assert.deepEqual(bodyOf({ choice: '{"status":"unavailable","reason_code":2}' }), {
        status: "unavailable",
        reason_code: 2,
    });
    assert.deepEqual(bodyOf({ tags: "a, b", session_id: "7", channel: " " }), { tags: ["a", "b"], session_id: 7 });
});
