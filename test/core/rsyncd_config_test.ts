import assert from "node:assert/strict";
import fc from "fast-check";
import { nameFault } from "../../lib/core/path.ts";
import {
  daemonConfig,
  moduleFault,
  userModuleConfig,
} from "../../lib/core/rsyncd_config.ts";

Deno.test("moduleFault() lets through no name that rsync reads as a list, pattern, group or section", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (user) => {
    if (moduleFault(user) !== undefined) return;
    assert.equal(nameFault(user.slice(0, 64)), undefined);
    assert.match(user, /^[A-Za-z0-9._-]+$/);
  }));
  for (
    const user of ["*", "a,b", "@wheel", "a:rw", "[x]", "global", "GLOBAL", "é"]
  ) assert.ok(moduleFault(user), user);
});

Deno.test("userModuleConfig() is five lines whatever the user's name", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (user) => {
    if (moduleFault(user) !== undefined) return;
    assert.equal(userModuleConfig(user).split("\n").length, 5);
  }));
});

Deno.test("daemonConfig() is read-only, and takes an account only as root", () => {
  const mine = daemonConfig({ root: false });
  assert.match(mine, /^read only = yes$/m);
  assert.match(mine, /^exclude = \.sinkd$/m);
  assert.doesNotMatch(mine, /^uid/m);
  assert.match(daemonConfig({ root: true }), /^use chroot = yes$/m);
});
