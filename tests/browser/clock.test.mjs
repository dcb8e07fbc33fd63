// Durations on a page tick on the server's time, whatever the browser's own clock says.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Link } from "../../static/live.js";
import { Clock } from "../../static/tick.js";

const NOW = "2026-11-21T15:41:07.000Z";
const server = (seconds) => new Date(Date.UTC(2026, 10, 21, 15, 41, 7) + seconds * 1000).toISOString();

/** Steady time that moves by hand; `since` the page was asked for. */
function steady(context) {
    const time = { ms: 0 };
    context.mock.method(performance, "now", () => time.ms);
    return time;
}

const age = (clock) => (clock.now() - Date.parse(server(-7))) / 1000;

for (const hours of [-2, 0, 2]) {
    test(`browser clock ${hours} h off: the same duration before and after the socket opens`, (context) => {
        const time = steady(context);
        context.mock.timers.enable({ apis: ["Date"], now: Date.parse(NOW) + hours * 3_600_000 });
        const clock = new Clock(NOW, "UTC");
        assert.equal(age(clock), 7);
        time.ms = 3_000;
        assert.equal(age(clock), 10);
        clock.set(server(3));
        assert.equal(age(clock), 10);
        // The browser's clock is set while the page is open.
        context.mock.timers.setTime(Date.parse(NOW) + 9 * 3_600_000);
        assert.equal(age(clock), 10);
    });
}

test("a beat that was late on its way does not turn the clock back", (context) => {
    const time = steady(context);
    const clock = new Clock(NOW, "UTC");
    for (const [at, said] of [
        [5_000, 5],
        [19_000, 10],
        [24_000, 15],
    ]) {
        time.ms = at;
        clock.set(server(said));
        assert.equal(age(clock), 7 + at / 1000, `${at} ms`);
    }
});

test("a server whose clock was set back is followed", (context) => {
    const time = steady(context);
    const clock = new Clock(NOW, "UTC");
    for (let beat = 1; beat <= 12; beat += 1) {
        time.ms = beat * 5_000;
        clock.set(server(beat * 5 - 3600));
    }
    assert.equal(age(clock), 67 - 3600);
});

test("steady time that stood still while the machine slept is made up for by the first beat", (context) => {
    const time = steady(context);
    const clock = new Clock(NOW, "UTC");
    time.ms = 5_000;
    clock.set(server(3605));
    assert.equal(age(clock), 3612);
});

test("a browser's clock that is set is no sign of life, and the next frame is one", (context) => {
    const time = steady(context);
    const sockets = [];
    class Socket {
        constructor() {
            sockets.push(this);
        }
        close() {}
    }
    const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
    Object.assign(globalThis, {
        document: page,
        window: new EventTarget(),
        WebSocket: Socket,
        location: { href: "http://house/" },
    });
    context.mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"], now: Date.parse(NOW) });
    const [states, nothing] = [[], () => {}];
    const on = {
        snapshot: nothing,
        patch: nothing,
        now: nothing,
        received: nothing,
        build: nothing,
        state: (state) => states.push(state),
    };
    new Link({ address: "/live", scope: "all", epoch: "e", version: 1, build: "b" }, on);
    const beat = () =>
        sockets.at(-1).onmessage({ data: JSON.stringify({ type: "beat", version: 1, now: server(time.ms / 1000) }) });
    beat();
    context.mock.timers.setTime(Date.parse(NOW) + 2 * 3_600_000);
    time.ms += 1_000;
    context.mock.timers.tick(1_000);
    beat();
    assert.equal(states.at(-1), "live");
    time.ms += 1_000;
    context.mock.timers.tick(1_000);
    assert.equal(states.at(-1), "live");
});
