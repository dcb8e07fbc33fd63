// What a page does at its door: it tells how it is, reloads when somebody wishes it, and leaves nothing behind when its
// reader must go.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Link } from "../../static/live.js";

let copies = 0;
/** A script that runs when it is loaded: each time anew. */
const run = (name) => import(`../../static/${name}?${(copies += 1)}`);

/** Lets what has been promised happen. */
const settle = async () => {
    for (let i = 0; i < 20; i += 1) await Promise.resolve();
};

/** A node as far as these scripts look. */
function node(properties = {}) {
    const classes = new Set();
    return {
        dataset: {},
        style: {},
        hidden: false,
        textContent: "",
        children: [],
        removed: false,
        classList: {
            add: (name) => classes.add(name),
            remove: (name) => classes.delete(name),
            contains: (name) => classes.has(name),
        },
        querySelectorAll: () => [],
        addEventListener() {},
        getAttribute: () => null,
        setAttribute() {},
        append(...more) {
            this.children.push(...more);
        },
        replaceChildren(...more) {
            this.children = more;
        },
        remove() {
            this.removed = true;
        },
        ...properties,
    };
}

/** Sockets that only a test speaks through. */
function sockets() {
    const open = [];
    globalThis.WebSocket = class {
        sent = [];
        constructor(url) {
            this.query = url.searchParams;
            open.push(this);
        }
        send(text) {
            this.sent.push(JSON.parse(text));
        }
        close() {}
        say(frame) {
            this.onmessage({ data: JSON.stringify(frame) });
        }
    };
    return open;
}

/** What a browser keeps for a site. */
const storage = (kept) => ({ clear: () => kept.clear() });

/** A page of ours in a browser that is none: on a wall or at a desk, with something typed. */
async function page(context, { board = false, script = "page.js", signedIn = true, hash = "" } = {}) {
    context.mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"] });
    const open = sockets();
    const state = node({ textContent: '{"queues":{"1":{"waiting":41}}}' });
    const content = node({ children: [node({ textContent: "41" })] });
    const around = { chips: node(), user: node(), lost: node({ hidden: true }) };
    const ids = { state, content, lost: around.lost, "link-state": node(), "as-of": node() };
    const inside = Object.fromEntries(
        ["page-mark", "clock", "band", "band-said", "band-age"].map((id) => [id, node()]),
    );
    const went = [];
    const field = { value: "Dear Elena", defaultValue: "" };
    const body = node({ children: [content] });
    globalThis.document = Object.assign(new EventTarget(), {
        visibilityState: "visible",
        activeElement: null,
        title: "Elena Diaz · Callboard",
        body,
        forms: [],
        documentElement: node({
            dataset: {
                now: "2026-11-21T15:00:00Z",
                zone: "UTC",
                scope: "floor",
                epoch: "e",
                version: "3",
                build: "b",
                person: "23",
            },
        }),
        // What was inside the content is gone with it.
        getElementById: (id) => ids[id] ?? (content.className ? null : inside[id]),
        createElement: (tag) => node({ tag }),
        querySelector: (what) =>
            what === ".board" && board
                ? node({ dataset: { queues: "", rotate: "20" } })
                : what === "form.user" && signedIn
                  ? node()
                  : null,
        querySelectorAll: (what) => {
            if (what === "textarea, input") return [field];
            if (!what.startsWith(".chips")) return [];
            return [around.chips, ...(what.includes(".user") ? [around.user] : []), around.lost];
        },
    });
    globalThis.window = Object.assign(new EventTarget(), { innerWidth: 1920, innerHeight: 1080 });
    globalThis.location = {
        href: "http://house/supervisor?q=Elena",
        pathname: "/supervisor",
        search: "?q=Elena",
        hash,
        replace: (to) => went.push(to),
        reload: () => went.push("reload"),
    };
    const kept = new Set(["callboard.draft.x"]);
    const addresses = [];
    globalThis.history = { replaceState: (kept, _, to) => addresses.push([kept, to]) };
    for (const name of ["localStorage", "sessionStorage"])
        Object.defineProperty(globalThis, name, { value: storage(kept), configurable: true, writable: true });
    Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
    globalThis.requestAnimationFrame = () => 1;
    globalThis.cancelAnimationFrame = () => {};
    let healthy = true;
    globalThis.fetch = async (to) => ({ ok: to === "/healthz" && healthy });
    await run(script);
    return {
        open,
        state,
        content,
        body,
        field,
        kept,
        addresses,
        around,
        went,
        linkState: ids["link-state"],
        server: (is) => (healthy = is),
    };
}

test("a page keeps no copy of the document that it was rendered from", async (context) => {
    const { state } = await page(context, { board: false });
    assert.equal(state.removed, true);
});

test("a beat is answered by a display with how it is, and by nobody else", async (context) => {
    const beat = { type: "beat", version: 3, now: "2026-11-21T15:00:05Z" };
    const wall = await page(context, { board: true });
    wall.open[0].say(beat);
    assert.deepEqual(wall.open[0].sent, [{ received: beat.now, width: 1920, height: 1080, build: "b" }]);
    context.mock.timers.reset();
    const desk = await page(context, { board: false });
    desk.open[0].say(beat);
    assert.deepEqual(desk.open[0].sent, []);
});

test("a wish to reload is granted once the server answers", async (context) => {
    const { open, went, server } = await page(context, { board: true });
    server(false);
    open[0].say({ type: "reload" });
    context.mock.timers.tick(15_000);
    await settle();
    assert.deepEqual(went, [], "a page that is loaded while the server is away never comes back by itself");
    server(true);
    context.mock.timers.tick(15_000);
    await settle();
    assert.equal(went[0], "reload");
});

/** Nothing is left but a sentence; the way back in. */
function emptied({ body, field, kept, addresses }, heading) {
    assert.equal(body.children.length, 1);
    const [main] = body.children;
    const [said, way] = main.children;
    assert.deepEqual([main.tag, said.tag, said.textContent], ["main", "h1", heading]);
    assert.deepEqual([document.title, field.value, field.defaultValue], ["Signed out · Callboard", "", ""]);
    assert.deepEqual(
        [kept.size, addresses.at(-1), document.documentElement.dataset.person],
        [0, [null, "/supervisor"], undefined],
    );
    return way;
}

for (const script of ["page.js", "plain.js"]) {
    test(`${script}: nothing is left when the sign-in ends, but the way back in`, async (context) => {
        const it = await page(context, { script });
        const { open, went } = it;
        open[0].onclose({ code: 4401 });
        const way = emptied(it, "Your sign-in has ended.");
        assert.deepEqual([way.tag, way.href], ["a", "/login?then=%2Fsupervisor"]);
        context.mock.timers.tick(30_000);
        assert.equal(open.length, 2, "it asks again without hurry");
        assert.equal(open[1].query.has("version"), false, "and for a whole document");
        open[1].say({ type: "snapshot", epoch: "e2", version: 1, state: {} });
        assert.deepEqual(went, ["reload"], "signed in again elsewhere, the page comes back whole");
    });

    test(`${script}: a page that was left is hidden until the server says that it may be seen`, async (context) => {
        const { open } = await page(context, { script });
        const isHidden = () => document.documentElement.classList.contains("away");
        window.dispatchEvent(new Event("pagehide"));
        assert.equal(isHidden(), true);
        window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
        assert.equal(isHidden(), true);
        open[1].say({ type: "snapshot", epoch: "e", version: 4, state: {} });
        assert.equal(isHidden(), false);
    });
}

test("a page about a problem stays for those who never signed in", async (context) => {
    const { open, body } = await page(context, { script: "plain.js", signedIn: false });
    open[0].onclose({ code: 4401 });
    assert.equal(body.children[0].tag, undefined, "it is as it was");
    context.mock.timers.tick(30_000);
    open[1].say({ type: "snapshot", epoch: "e", version: 1, state: {} });
    open[1].onclose({ code: 4401 });
    assert.equal(body.children[0].tag, "main", "whose sign-in ended after that is not shown it");
});

test("the page at which people sign in keeps nothing of whoever was here before", async (context) => {
    const { kept } = await page(context, { script: "login.js" });
    assert.equal(kept.size, 0);
});

test("a token that came along to the wallboard is gone from the address", async (context) => {
    const { addresses } = await page(context, { board: true, hash: "#token=abc" });
    assert.deepEqual(addresses, [[null, "/supervisor?q=Elena"]]);
});

test("who may no longer see a page is still signed in", async (context) => {
    const { open, content, around, kept } = await page(context);
    open[0].onclose({ code: 4403 });
    assert.deepEqual(
        content.children.map(({ tag }) => tag),
        ["h1"],
        "there is no way in by signing in",
    );
    assert.deepEqual([around.chips.removed, around.user.removed, kept.size], [true, false, 1]);
    assert.equal(document.title, "Callboard", "no name stays there");
});

test("a screen that is shut out says so and goes where screens wait", async (context) => {
    const it = await page(context, { board: true });
    it.open[0].onclose({ code: 4401 });
    assert.equal(emptied(it, "This display was revoked."), undefined);
    assert.equal(it.body.children[0].className, "pairing", "legible from across the room");
    context.mock.timers.tick(10_000);
    await settle();
    assert.deepEqual(it.went, ["/display"]);
});

test("a link that is refused once stays refused until it is granted", (context) => {
    context.mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"] });
    const open = sockets();
    Object.assign(globalThis, {
        document: Object.assign(new EventTarget(), { visibilityState: "hidden" }),
        window: new EventTarget(),
        location: { href: "http://house/" },
    });
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
    open[0].onclose({ code: 4401 });
    context.mock.timers.tick(30_000);
    open[1].onclose({ code: 1006 });
    assert.deepEqual(states, ["signedOut"], "a server that is away does not let anybody in again");
    context.mock.timers.tick(30_000);
    open[2].say({ type: "beat", version: 1 });
    assert.deepEqual(states, ["signedOut", "live"]);
});

test("a page that is one too many says so, keeps what it shows, and comes back by itself", async (context) => {
    const { open, content, linkState } = await page(context, {});
    const before = [...content.children];
    open[0].onclose({ code: 4429 });
    assert.match(linkState.textContent, /too many pages open/);
    assert.deepEqual([...content.children], before);
    context.mock.timers.tick(30_000);
    assert.equal(open.length, 2);
});

/** The page of a display that waits. */
async function waiting(context, { hash = "", typed = "" } = {}) {
    context.mock.timers.enable({ apis: ["setInterval"] });
    const done = [];
    const token = { value: typed };
    const form = { elements: { token }, submit: () => done.push(`submits ${token.value}`) };
    globalThis.document = { querySelector: () => form, activeElement: null };
    globalThis.location = { hash, pathname: "/display", reload: () => done.push("reload") };
    globalThis.history = { replaceState: (_, __, to) => done.push(`address ${to}`) };
    let healthy = true;
    globalThis.fetch = async () => {
        if (!healthy) throw new TypeError("nobody answers");
        return { ok: true };
    };
    await run("display.js");
    const wait = async () => {
        context.mock.timers.tick(4_000);
        await settle();
    };
    return { done, token, wait, server: (is) => (healthy = is) };
}

test("a token behind the hash is gone from the address before it is sent", async (context) => {
    const { done, wait } = await waiting(context, { hash: "#token=abc.def" });
    await wait();
    assert.deepEqual(done, ["address /display", "submits abc.def"]);
});

test("a display that waits looks again, but not while the server is away or somebody types", async (context) => {
    const { done, token, wait, server } = await waiting(context);
    server(false);
    await wait();
    assert.deepEqual(done, []);
    server(true);
    token.value = "a";
    await wait();
    assert.deepEqual(done, []);
    token.value = "";
    globalThis.document.activeElement = token;
    await wait();
    assert.deepEqual(done, []);
    globalThis.document.activeElement = null;
    await wait();
    assert.deepEqual(done, ["reload"]);
});
