/**
 * Small file systems for tests: a tmpfs, which can be filled and made larger, and a disk in a file,
 * which can be taken away and brought back.
 *
 * @module
 */
import { isThere, runToEnd } from "./network_programs.ts";
import { waitFor } from "./waiting.ts";

const IMAGE_BYTES = 16 * 1024 * 1024;

/** A tmpfs until disposed; whoever still uses it then keeps it to the end. */
export class Tmpfs implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Mounts one on a directory that is there; `options` as mount has them: `size=8m`. */
  static async mount(directory: string, options: string): Promise<Tmpfs> {
    // Its own default is a directory that everybody may write to.
    const all = `mode=755,${options}`;
    await run("mount", "-t", "tmpfs", "-o", all, "tmpfs", directory);
    return new Tmpfs(directory);
  }

  /** Changes options of it: `size=40m`, `ro`, `rw`. */
  async remount(options: string): Promise<void> {
    await run("mount", "-o", `remount,${options}`, this.directory);
  }

  /** Takes all room but `leftBytes`, until the given file is removed. */
  fill(file: string, leftBytes: number): void {
    using ballast = Deno.openSync(file, { write: true, create: true });
    const piece = new Uint8Array(4096).fill(0x5a);
    let written = 0;
    try {
      for (;;) written += ballast.writeSync(piece);
    } catch (error) {
      if (!isFull(error)) throw error;
    }
    ballast.truncateSync(Math.max(written - leftBytes, 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", "-l", this.directory);
  }
}

/** Shows a directory or file at another place too, until disposed. */
export async function bindMount(
  from: string,
  on: string,
): Promise<AsyncDisposable> {
  await run("mount", "--bind", from, on);
  return {
    [Symbol.asyncDispose]: () => run("umount", "-l", on),
  };
}

/** Moves what a stopped process keeps in `directory` to a small file system of its own. */
export async function moveToTmpfs(
  directory: string,
  options: string,
): Promise<Tmpfs> {
  const before = `${directory}.before`;
  Deno.renameSync(directory, before);
  Deno.mkdirSync(directory, { mode: 0o700 });
  const small = await Tmpfs.mount(directory, options);
  await run("cp", "-a", `${before}/.`, directory);
  return small;
}

/** Why nothing can be mounted here; `undefined` when it can. */
export function missingForMounts(): string | undefined {
  if (Deno.build.os !== "linux") return "Linux";
  return Deno.uid() === 0 ? undefined : "root";
}

async function run(...args: string[]): Promise<void> {
  const { code, err } = await runToEnd(args);
  if (code !== 0) throw new Error(`Cannot ${args.join(" ")}: ${err}`);
}

function isFull(error: unknown): boolean {
  return error instanceof Error && /No space left/.test(error.message);
}

/** A disk in a file, which can be mounted, taken away and brought back with what it holds, or held before. */
export class DiskImage implements AsyncDisposable {
  readonly #image: string;
  readonly #directory: string;
  #device: string;
  #isMounted = false;

  private constructor(image: string, directory: string, device: string) {
    this.#image = image;
    this.#directory = directory;
    this.#device = device;
  }

  /** Makes an ext4 in `image` and mounts it on a directory that is there. */
  static async make(image: string, directory: string): Promise<DiskImage> {
    {
      using file = Deno.openSync(image, { write: true, createNew: true });
      file.truncateSync(IMAGE_BYTES);
    }
    await run("mkfs.ext4", "-q", "-F", image);
    const disk = new DiskImage(image, directory, await attach(image));
    await disk.mount();
    return disk;
  }

  /** Mounts it under the device number that it had. */
  async mount(): Promise<void> {
    await run("mount", this.#device, this.#directory);
    this.#isMounted = true;
  }

  /** Mounts it under another device number. */
  async mountElsewhere(): Promise<void> {
    const before = this.#device;
    this.#device = await attach(this.#image);
    await run("losetup", "--detach", before);
    await this.mount();
  }

  /** Takes it away as soon as nobody has anything open on it; what is below is seen again. */
  async unmount(): Promise<void> {
    let said = "";
    await waitFor(`${this.#directory} to be unmounted`, async () => {
      const { code, err } = await runToEnd(["umount", this.#directory]);
      said = err;
      return code === 0;
    }, { tell: () => said });
    this.#isMounted = false;
  }

  /** Copies what it holds, mounted or not. */
  async save(snapshot: string): Promise<void> {
    if (this.#isMounted) await run("sync", "-f", this.#directory);
    await run("cp", "--sparse=always", this.#device, snapshot);
  }

  /** Makes an unmounted one hold what {@linkcode save} copied. */
  async restore(snapshot: string): Promise<void> {
    await run("dd", `if=${snapshot}`, `of=${this.#device}`, "bs=1M");
    await run("sync", this.#device);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isMounted) await run("umount", "-l", this.#directory);
    await run("losetup", "--detach", this.#device);
  }
}

/** The loop device that an image now has. */
async function attach(image: string): Promise<string> {
  const { code, out, err } = await runToEnd([
    "losetup",
    "--find",
    "--show",
    image,
  ]);
  if (code !== 0) throw new Error(`Cannot attach ${image}: ${err}`);
  return out.trim();
}

/** Why no disk image can be mounted here; `undefined` when it can. */
export function missingForImages(): string | undefined {
  const missing = missingForMounts();
  if (missing !== undefined) return missing;
  const needs = ["/dev/loop-control", "/usr/sbin/mkfs.ext4"];
  return needs.find((file) => !isThere(file));
}
