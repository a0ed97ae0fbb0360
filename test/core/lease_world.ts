/**
 * Two servers and a broker, as far as leases go: queues that delay and break, processes that pause,
 * crash and stop. One broker order for all; each connection keeps its own order.
 *
 * @module
 */
import { stepLease } from "../../lib/core/lease.ts";
import type { LeaseEffect } from "../../lib/core/lease_events.ts";
import {
  holds,
  type LeaseRecord,
  type LeaseState,
  newLeaseState,
} from "../../lib/core/lease_state.ts";

export const USER = "alice";
const HEAD = { epoch: "0".repeat(16), date: 20_261_122, cycle: 1 };
/** After so long without a word the broker closes a connection: 1.5 times the keep-alive. */
const SESSION_MS = 22_500;

type Message =
  | {
    readonly kind: "record";
    readonly record: LeaseRecord;
    readonly boot: string;
  }
  | {
    readonly kind: "beat";
    readonly server: string;
    readonly boot: string;
    readonly beat: number;
  };

interface Retained<K extends Message["kind"]> {
  readonly message: Extract<Message, { kind: K }>;
  readonly from: string;
  readonly atMs: number;
}

interface Downward {
  readonly readyMs: number;
  readonly message: Message;
}

interface Upward {
  readonly sentMs: number;
  readonly message: Message;
  readonly retain: boolean;
}

/** One process with its connection. */
export interface Node {
  readonly id: string;
  state: LeaseState;
  /** Ms that its own clock is ahead. */
  readonly aheadMs: number;
  paused: boolean;
  session: Session | undefined;
  /** Numbers of tenures that it was given. */
  readonly took: number[];
}

class Session {
  readonly up: Upward[] = [];
  /** In the order in which the broker has them for this connection. */
  readonly down: Downward[] = [];
  /** The broker still serves it. */
  open = true;
  heardMs: number;
  watches: ReadonlySet<string> = new Set();

  constructor(nowMs: number) {
    this.heardMs = nowMs;
  }

  send(message: Message, readyMs: number): void {
    const later = this.down.findIndex((each) => each.readyMs > readyMs);
    const at = later < 0 ? this.down.length : later;
    this.down.splice(at, 0, { readyMs, message });
  }
}

/** See the module. */
export class LeaseWorld {
  nowMs = 0;
  /** Every tenure in the order in which it began. */
  readonly tenures: { server: string; number: number }[] = [];
  readonly nodes: readonly [Node, Node];
  #boots = 0;
  readonly #lagMs: number;
  #lease: Retained<"record"> | undefined;
  readonly #beats = new Map<string, Retained<"beat">>();

  /** With `lagMs` the broker is a cluster: what the other server says comes so much later than one's own. */
  constructor(lagMs = 0) {
    this.#lagMs = lagMs;
    this.nodes = [this.#node("a", 0), this.#node("b", 1_234_567)];
    for (const node of this.nodes) this.#want(node);
  }

  /** Those that may commit at this very moment. */
  holders(): Node[] {
    return this.nodes.filter((node) =>
      holds(node.state, USER, this.#instant(node))
    );
  }

  /** Time goes by; the broker closes what was silent. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const { session } of this.nodes) {
      if (session === undefined) continue;
      if (this.nowMs - session.heardMs > SESSION_MS) session.open = false;
    }
  }

  /** The oldest message of this node reaches the broker. */
  deliverUp(node: Node): void {
    const { session } = node;
    const next = session?.up.shift();
    if (session === undefined || next === undefined || !session.open) return;
    if (this.nowMs - next.sentMs > SESSION_MS) {
      session.open = false;
      return;
    }
    session.heardMs = this.nowMs;
    const { message, retain } = next;
    const [from, atMs] = [node.id, this.nowMs];
    if (message.kind === "beat") {
      this.#beats.set(message.server, { message, from, atMs });
    } else if (retain) this.#lease = { message, from, atMs };
    for (const other of this.nodes) {
      const to = other.session;
      if (to === undefined || !to.open) continue;
      if (message.kind === "record" || to.watches.has(message.server)) {
        to.send(message, atMs + (other === node ? 0 : this.#lagMs));
      }
    }
  }

  /** The oldest message of the broker reaches this node. */
  deliverDown(node: Node): void {
    if (node.paused) return;
    const [next] = node.session?.down ?? [];
    if (next === undefined || next.readyMs > this.nowMs) return;
    node.session?.down.shift();
    const { message } = next;
    const now = this.#instant(node);
    this.#do(
      node,
      message.kind === "beat"
        ? { ...message, now }
        : { ...message, user: USER, now },
    );
  }

  tick(node: Node): void {
    if (node.paused) return;
    // A library's ping: a connection that works is not silent.
    if (node.session?.open === true) node.session.heardMs = this.nowMs;
    this.#do(node, { kind: "tick", now: this.#instant(node) });
  }

  cut(node: Node): void {
    if (node.session !== undefined) node.session.open = false;
  }

  /** The node finds its connection gone, if it is, and makes another. */
  connect(node: Node): void {
    if (node.paused) return;
    const known = node.session;
    if (known?.open === true) return;
    if (known !== undefined) this.#do(node, { kind: "linkDown" });
    node.session = new Session(this.nowMs);
    this.#do(node, { kind: "linkUp", now: this.#instant(node) });
  }

  pause(node: Node): void {
    node.paused = true;
  }

  resume(node: Node): void {
    node.paused = false;
  }

  /** Ends at once and starts again, on the same directory. */
  crash(node: Node): void {
    this.cut(node);
    node.paused = false;
    node.session = undefined;
    node.state = this.#fresh(node.id);
    this.#want(node);
  }

  /** Lets the user go for good. */
  leave(node: Node): void {
    this.#do(node, { kind: "unwant", user: USER });
  }

  /** Lets the user go, and wants it again. */
  release(node: Node): void {
    if (node.paused) return;
    this.#do(node, { kind: "unwant", user: USER });
    this.#want(node);
  }

  /** A moment in which all goes well for this node. */
  run(node: Node): void {
    this.connect(node);
    this.tick(node);
    for (let round = 0; round < 3; round++) {
      const { session } = node;
      for (let left = session?.up.length ?? 0; left > 0; left--) {
        this.deliverUp(node);
      }
      if (node.paused) return;
      for (let left = session?.down.length ?? 0; left > 0; left--) {
        this.deliverDown(node);
      }
    }
  }

  /** Everything works again and time goes by. */
  settle(ms: number): void {
    for (const node of this.nodes) this.resume(node);
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs;) {
      this.pass(1000);
      for (const node of this.nodes) {
        this.connect(node);
        this.tick(node);
      }
      this.#drain();
    }
  }

  #drain(): void {
    const busy = () =>
      this.nodes.some(({ session }) =>
        (session?.up.length ?? 0) > 0 ||
        session?.down.some(({ readyMs }) => readyMs <= this.nowMs) === true
      );
    while (busy()) {
      for (const node of this.nodes) {
        this.deliverUp(node);
        this.deliverDown(node);
      }
    }
  }

  #node(id: string, aheadMs: number): Node {
    return {
      id,
      aheadMs,
      state: this.#fresh(id),
      paused: false,
      session: undefined,
      took: [],
    };
  }

  #fresh(id: string): LeaseState {
    this.#boots++;
    return newLeaseState({ id, boot: `${this.#boots}` }, { fleet: true });
  }

  /** As if a person had said that the directory is good: a stale one would just wait. */
  #want(node: Node): void {
    const number = node.took.at(-1) ?? 0;
    this.#do(node, {
      kind: "want",
      user: USER,
      copy: {
        number,
        holder: node.id,
        released: false,
        adopted: true,
        head: HEAD,
      },
      now: this.#instant(node),
    });
  }

  #instant({ aheadMs }: Node): { steadyMs: number; wallMs: number } {
    return { steadyMs: this.nowMs + aheadMs, wallMs: this.nowMs - aheadMs };
  }

  #do(node: Node, event: Parameters<typeof stepLease>[1]): void {
    const { state, effects } = stepLease(node.state, event);
    node.state = state;
    for (const effect of effects) this.#perform(node, effect);
  }

  #perform(node: Node, effect: LeaseEffect): void {
    const { session, state: { me } } = node;
    switch (effect.kind) {
      case "listen":
        if (session === undefined) return;
        session.watches = new Set([...session.watches, me.id]);
        return this.#retained(node, this.#lease);
      case "watch": {
        if (session === undefined) return;
        session.watches = new Set([...session.watches, effect.server]);
        return this.#retained(node, this.#beats.get(effect.server));
      }
      case "beat":
        return this.#send(node, {
          kind: "beat",
          server: me.id,
          boot: me.boot,
          beat: effect.beat,
        });
      case "publish":
        return this.#send(node, {
          kind: "record",
          record: effect.record,
          boot: me.boot,
        });
      case "letGo":
        return this.#send(node, {
          kind: "record",
          record: {
            kind: "released",
            number: effect.number,
            server: me.id,
            head: HEAD,
          },
          boot: me.boot,
        });
      case "took":
        node.took.push(effect.number);
        this.tenures.push({ server: node.id, number: effect.number });
        return this.#want(node);
      case "lost":
        return this.#want(node);
      case "unlisten":
      case "twin":
        return;
    }
  }

  #retained(
    { id, session }: Node,
    kept: Retained<"record"> | Retained<"beat"> | undefined,
  ): void {
    if (session?.open !== true || kept === undefined) return;
    const lagMs = kept.from === id ? 0 : this.#lagMs;
    session.send(kept.message, Math.max(this.nowMs, kept.atMs + lagMs));
  }

  #send(node: Node, message: Message): void {
    node.session?.up.push({ sentMs: this.nowMs, message, retain: true });
  }
}
