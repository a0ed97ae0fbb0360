/**
 * Building and running the executables, for their tests.
 *
 * @module
 */

const CHECKOUT = new URL("../../", import.meta.url).pathname;
/** Where the executables are built to. */
export const DIST = `${CHECKOUT}dist`;

/** What a program said, and how it ended. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** How to run a program: all of its environment, and the account. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
}

/** Runs a program to its end. */
export async function run(
  program: string,
  args: readonly string[],
  { env = {}, uid }: RunOptions = {},
): Promise<Said> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: "/",
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", ...env },
    stdin: "null",
    ...(uid === undefined ? {} : { uid, gid: uid }),
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Runs `scripts/build` with the environment of this process. */
export async function build(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Said> {
  const own = { ...Deno.env.toObject() };
  delete own["DENO_DIR"];
  return await run(`${CHECKOUT}scripts/build`, args, {
    env: { ...own, ...env },
  });
}
