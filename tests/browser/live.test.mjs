// The return after a break: the cap first, then the jitter; never in step, never given up.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pause } from "../../static/live.js";

test("tries spread over a window that grows to thirty seconds and no further", () => {
  const longest = (n) => pause(n, 1006, () => 1);
  assert.deepEqual([0, 1, 3, 5, 6, 7, 5000].map(longest), [500, 1000, 4000, 16_000, 30_000, 30_000, 30_000]);
  assert.equal(pause(9, 1006, () => 0), 0);
});

test("after a restart or an overload everybody waits one to ten seconds", () => {
  for (const code of [1012, 1013]) {
    assert.equal(pause(0, code, () => 0), 1_000);
    assert.equal(pause(0, code, () => 1), 10_000);
  }
});

test("where a sign-in is needed, nobody hammers the door", () => {
  assert.equal(pause(0, 4401), 30_000);
  assert.equal(pause(0, 4403), 30_000);
});
