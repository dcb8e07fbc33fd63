// The return after a break: the cap first, then the jitter; never in step, never given up.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Link, pause } from "../../static/live.js";

test("tries spread over a window that grows to thirty seconds and no further", () => {
    const longest = (n) => pause(n, 1006, () => 1);
    assert.deepEqual([0, 1, 3, 5, 6, 7, 5000].map(longest), [500, 1000, 4000, 16_000, 30_000, 30_000, 30_000]);
    assert.equal(
        pause(9, 1006, () => 0),
        0,
    );
});

test("after a restart or an overload everybody waits one to ten seconds", () => {
    for (const code of [1012, 1013]) {
        assert.equal(
            pause(0, code, () => 0),
            1_000,
        );
        assert.equal(
            pause(0, code, () => 1),
            10_000,
        );
    }
});

test("where a sign-in is needed, nobody hammers the door", () => {
    assert.equal(pause(0, 4401), 30_000);
    assert.equal(pause(0, 4403), 30_000);
});

/** A browser's window as far as the link sees it. */
function world(context) {
    const sockets = [];
    const page = Object.assign(new EventTarget(), { visibilityState: "hidden" });
    const window = new EventTarget();
    class Socket {
        constructor(url) {
            this.query = url.searchParams;
            sockets.push(this);
        }
        close() {}
    }
    Object.assign(globalThis, { document: page, window, WebSocket: Socket, location: { href: "http://house/" } });
    context.mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"] });
    // No pause ends by itself while a test looks.
    context.mock.method(Math, "random", () => 100);
    const states = [];
    const nothing = () => {};
    const on = {
        snapshot: nothing,
        patch: nothing,
        now: nothing,
        received: nothing,
        build: nothing,
        state: (state) => states.push(state),
    };
    new Link({ address: "/live", scope: "all", epoch: "e", version: 1, build: "b" }, on);
    const say = (frame) => sockets.at(-1).onmessage({ data: JSON.stringify(frame) });
    return { sockets, states, page, say };
}

test("page without its document is not live, and a visible page does not wait", (context) => {
    const { sockets, states, page, say } = world(context);
    say({ type: "beat", version: 1 });
    assert.deepEqual(states, ["live"]);
    say({ type: "beat", version: 2 });
    assert.equal(sockets.length, 2, "the first miss asks at once");
    say({ type: "snapshot", epoch: "e", version: 2, state: {} });
    say({ type: "beat", version: 3 });
    assert.equal(sockets.length, 2, "the next one waits");
    assert.deepEqual(states, ["live", "late"]);
    page.visibilityState = "visible";
    page.dispatchEvent(new Event("visibilitychange"));
    assert.equal(sockets.length, 3);
    assert.equal(sockets[2].query.has("version"), false, "it asks for the whole document");
    page.dispatchEvent(new Event("visibilitychange"));
    assert.equal(sockets.length, 3, "a socket that is being opened is left alone");
});

test("without a socket the link is lost as well", (context) => {
    const { sockets, states, say } = world(context);
    say({ type: "beat", version: 1 });
    say({ type: "beat", version: 2 });
    say({ type: "snapshot", epoch: "e", version: 2, state: {} });
    say({ type: "beat", version: 3 });
    context.mock.timers.tick(15_000);
    assert.deepEqual(states, ["live", "late", "lost"]);
    assert.equal(sockets.length, 2);
});
