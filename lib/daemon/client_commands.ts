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
  const anchors = all.filter(({ config }) =>
    path === undefined || config.path === path
  );
  if (anchors.length === 0) return unknown(all, command, path);
  const said: string[] = [];
  for (const anchor of anchors) {
    const text = await commandAnchor(anchor, command);
    if (text !== undefined) said.push(`${anchor.config.path}: ${text}`);
  }
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
): Promise<string | undefined> {
  switch (command) {
    case "approve":
      return anchor.approve();
    case "reject":
      return anchor.reject();
    case "pause":
      anchor.setPaused(true);
      return "paused; local edits are kept and go after sinkd resume";
    case "resume":
      anchor.setPaused(false);
      return "resumed";
    case "rescan":
      await anchor.rescan("asked for");
      anchor.checks.hurry();
      return `scanned; ${anchor.edits.pending()} changes are not on the server yet`;
  }
}
