/**
 * What a person asks of anchors: approve, reject, pause, resume, rescan.
 *
 * @module
 */
import type { ControlReply, ControlRequest } from "../core/control.ts";
import type { Anchor } from "./anchor.ts";

/** A command on one anchor, or on all. */
export type AnchorCommand = Extract<
  ControlRequest,
  { path?: string | undefined }
>["command"];

/** Carries out a command on the anchor at `path`, or on all. */
export async function commandAnchors(
  all: readonly Anchor[],
  command: AnchorCommand,
  path: string | undefined,
): Promise<ControlReply> {
  const anchors = all.filter((anchor) =>
    path === undefined || anchor.config.path === path || anchor.waitsAt(path)
  );
  if (anchors.length === 0) return unknown(all, command, path);
  const said: string[] = [];
  let failed = false;
  for (const anchor of anchors) {
    const done = await commandAnchor(anchor, command);
    if (done === undefined) continue;
    said.push(`${anchor.config.path}: ${done.text}`);
    failed ||= done.failed === true;
  }
  if (failed) return { ok: false, message: said.join("\n"), exitCode: 1 };
  if (said.length > 0) return { ok: true, message: said.join("\n") };
  return {
    ok: false,
    message: `Cannot ${command}: nothing is held`,
    exitCode: 2,
  };
}

function unknown(
  all: readonly Anchor[],
  command: AnchorCommand,
  path: string | undefined,
): ControlReply {
  const known = all.map(({ config }) => config.path).join(", ");
  const there = known === ""
    ? "there is none; add one with sinkd add PATH"
    : `there are: ${known}`;
  return {
    ok: false,
    message: `Cannot ${command} ${
      path ?? "anything"
    }: it is not an anchor here (${there})`,
    exitCode: 2,
  };
}

async function commandAnchor(
  anchor: Anchor,
  command: AnchorCommand,
): Promise<{ readonly text: string; readonly failed?: true } | undefined> {
  switch (command) {
    case "approve":
      return asDone(anchor.approve());
    case "reject":
      return asDone(anchor.reject());
    case "pause":
      anchor.setPaused(true);
      return asDone("paused; local edits are kept and go after sinkd resume");
    case "resume":
      anchor.setPaused(false);
      return asDone("resumed");
    case "rescan": {
      const failure = await anchor.rescan("asked for");
      if (failure !== undefined) {
        const text = `not scanned, sinkd retries by itself: ${failure}`;
        return { text, failed: true };
      }
      anchor.retry();
      anchor.checks.hurry();
      return asDone(
        `scanned; ${anchor.edits.pending()} changes are not on the server yet`,
      );
    }
  }
}

function asDone(text: string | undefined): { text: string } | undefined {
  return text === undefined ? undefined : { text };
}
