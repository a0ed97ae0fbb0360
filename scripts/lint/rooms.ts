/**
 * Lint plugin: keeps lib/core pure, imports pointing inward, and Deno.exit in main.ts.
 *
 * @module
 */

/** Rooms that each room may import from, and packages (`*` any). */
const ROOMS: Readonly<
  Record<string, { rooms: readonly string[]; packages: readonly string[] }>
> = {
  core: { rooms: ["core"], packages: ["zod"] },
  ports: { rooms: ["core", "ports"], packages: [] },
  version: { rooms: [], packages: [] },
  turn: { rooms: ["core", "ports", "turn"], packages: [] },
  io: { rooms: ["core", "ports", "version", "io"], packages: ["*"] },
  daemon: {
    rooms: ["core", "ports", "version", "turn", "io", "daemon"],
    packages: ["*"],
  },
  cli: {
    rooms: ["core", "ports", "version", "turn", "io", "daemon", "cli"],
    packages: ["*"],
  },
};

/** Globals through which time, chance, the system or concurrency would come into a pure room. */
const IMPURE: ReadonlySet<string> = new Set([
  "Deno",
  "Promise",
  "Worker",
  "alert",
  "console",
  "crypto",
  "fetch",
  "globalThis",
  "performance",
  "process",
  "queueMicrotask",
  "self",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);

/** `core` of `/…/lib/core/stamp.ts`, `ports` of `/…/lib/ports.ts`; `undefined` outside lib. */
function roomOf(file: string): string | undefined {
  return /(?:^|\/)lib\/([a-z_]+)(?:\.ts$|\/)/.exec(file)?.[1];
}

function resolveFrom(file: string, source: string): string {
  return new URL(source, `file://${encodeURI(file)}`).pathname;
}

/** Why `source` may not be imported in `file`, or `undefined` when it may. */
export function importFault(file: string, source: string): string | undefined {
  const room = roomOf(file);
  const rules = ROOMS[room ?? ""];
  if (room === undefined || rules === undefined) return undefined;
  if (/^(https?|jsr|npm|data|blob):/.test(source)) {
    return `'${source}' must be named in deno.json`;
  }
  if (!source.startsWith(".")) {
    const allowed = rules.packages.includes("*") ||
      rules.packages.includes(source);
    return allowed ? undefined : `lib/${room} may not import '${source}'`;
  }
  if (resolveFrom(file, source).endsWith("/deno.json")) {
    return room === "version"
      ? undefined
      : "import VERSION from lib/version.ts instead";
  }
  const target = roomOf(resolveFrom(file, source));
  if (target !== undefined && rules.rooms.includes(target)) return undefined;
  return `lib/${room} may not import '${source}': imports point inward (core, then turn and io, then daemon, then cli)`;
}

/** True for an identifier that is a reference, not a property's or parameter's name. */
function isReference(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.object === node || parent.computed;
    case "Property":
      return parent.value === node || parent.computed || parent.shorthand;
    case "TSPropertySignature":
    case "TSMethodSignature":
    case "PropertyDefinition":
    case "MethodDefinition":
      return parent.key !== node || parent.computed;
    default:
      return true;
  }
}

function forbidden(what: string): string {
  return `lib/core is pure: ${what} belongs to the shell; pass it in as an argument`;
}

const inwardImports: Deno.lint.Rule = {
  create(context) {
    const check = (node: Deno.lint.Node, source: string | undefined) => {
      const fault = source === undefined
        ? undefined
        : importFault(context.filename, source);
      if (fault !== undefined) context.report({ node, message: fault });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source.value),
      ExportAllDeclaration: (node) => check(node, node.source.value),
      ExportNamedDeclaration: (node) => check(node, node.source?.value),
      ImportExpression(node) {
        const source = node.source;
        if (source.type === "Literal" && typeof source.value === "string") {
          check(node, source.value);
        }
      },
    };
  },
};

const pureCore: Deno.lint.Rule = {
  create(context) {
    if (roomOf(context.filename) !== "core") return {};
    const report = (node: Deno.lint.Node, what: string) =>
      context.report({ node, message: forbidden(what) });
    return {
      Identifier(node) {
        if (IMPURE.has(node.name) && isReference(node)) {
          report(node, `'${node.name}'`);
        }
      },
      "MemberExpression[object.name='Date'][property.name='now']": (node) =>
        report(node, "'Date.now'"),
      "MemberExpression[object.name='Math'][property.name='random']": (node) =>
        report(node, "'Math.random'"),
      NewExpression(node) {
        const callee = node.callee;
        if (
          callee.type === "Identifier" && callee.name === "Date" &&
          node.arguments.length === 0
        ) report(node, "the time now");
      },
      "CallExpression[callee.name='Date']": (node) =>
        report(node, "the time now"),
      ImportExpression: (node) => report(node, "a dynamic import"),
      AwaitExpression: (node) => report(node, "'await'"),
      "ForOfStatement[await=true]": (node) => report(node, "'for await'"),
      "FunctionDeclaration[async=true]": (node) => report(node, "'async'"),
      "FunctionExpression[async=true]": (node) => report(node, "'async'"),
      "ArrowFunctionExpression[async=true]": (node) => report(node, "'async'"),
    };
  },
};

const systemFreeTurn: Deno.lint.Rule = {
  create(context) {
    if (roomOf(context.filename) !== "turn") return {};
    return {
      Identifier(node) {
        if (node.name === "Deno" && isReference(node)) {
          context.report({
            node,
            message: "lib/turn works over ports only: 'Deno' belongs to lib/io",
          });
        }
      },
    };
  },
};

const singleExit: Deno.lint.Rule = {
  create(context) {
    if (!/(^|\/)lib\//.test(context.filename)) return {};
    return {
      "MemberExpression[object.name='Deno'][property.name='exit']": (node) =>
        context.report({
          node,
          message: "only main.ts ends the process: give back an exit code",
        }),
    };
  },
};

/** The plugin, as deno.json names it. */
const plugin: Deno.lint.Plugin = {
  name: "sinkd",
  rules: {
    "inward-imports": inwardImports,
    "pure-core": pureCore,
    "system-free-turn": systemFreeTurn,
    "single-exit": singleExit,
  },
};
export default plugin;
