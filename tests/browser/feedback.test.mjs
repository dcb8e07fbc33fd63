// A feedback's card shows the newest words of its thread, as the server paints it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatters } from "../../static/paint.js";

test("feedback card shows the newest words of the thread", () => {
    const first = { at: "2026-11-20T08:00:00Z", text: "The lamp is broken." };
    const ours = { at: "2026-11-20T09:00:00Z", from: "Mia F.", text: "We are sorry." };
    const again = { at: "2026-11-20T10:00:00Z", text: "Still broken." };
    for (const [messages, shown] of [
        [{}, "No comment"],
        [{ z: first }, "The lamp is broken."],
        [{ z: first, m: ours }, "Mia F.: We are sorry."],
        [{ z: first, m: ours, a: again }, "Still broken."],
        [{ z: first, m: { text: "Without a time." } }, "The lamp is broken."],
        [{ z: first, m: { at: "2026-11-20T11:00:00Z", text: "" } }, "The lamp is broken."],
    ]) {
        assert.equal(formatters.excerpt({ messages }).text, shown);
    }
});
