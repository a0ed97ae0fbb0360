/**
 * What is open under a login, whatever it is: data channels with all that goes over them, sessions at
 * the broker. Whose login does not count any more has nothing open.
 *
 * @module
 */

/** A client as it logged in: `mark` stands for the secret, and another one is another login. */
export interface Login {
  readonly user: string;
  readonly client: string;
  readonly mark: string;
}

/** Something that is open; disposed when it is not any more. */
export interface Admission extends Disposable {
  /** False when the client was revoked, or has joined anew, since it logged in. */
  counts(): boolean;
}

/**
 * The marks of a user's clients that may log in now; `undefined` while the user is not served here, and
 * nobody here can tell.
 */
export type MarksOf = (
  user: string,
) => ReadonlyMap<string, string> | undefined;

/** See the module. */
export class Admissions {
  readonly #marksOf: MarksOf;
  /** By user: each login with what ends it. */
  readonly #open = new Map<string, Map<object, Open>>();

  constructor(marksOf: MarksOf) {
    this.#marksOf = marksOf;
  }

  /** Keeps what is open until it is disposed or ended; `end` cuts it at once. */
  open(login: Login, end: () => void): Admission {
    const ofUser = this.#open.get(login.user) ?? new Map<object, Open>();
    this.#open.set(login.user, ofUser);
    const key = {};
    ofUser.set(key, { login, end });
    return {
      counts: () => this.#marksOf(login.user)?.get(login.client) === login.mark,
      [Symbol.dispose]: () => {
        ofUser.delete(key);
        if (ofUser.size === 0 && this.#open.get(login.user) === ofUser) {
          this.#open.delete(login.user);
        }
      },
    };
  }

  /** Ends all that is open under logins that do not count any more, of one user or of all. */
  sweep(user?: string): void {
    const users = user === undefined ? [...this.#open.keys()] : [user];
    for (const name of users) {
      const ofUser = this.#open.get(name);
      if (ofUser === undefined) continue;
      const marks = this.#marksOf(name);
      if (marks === undefined) continue;
      for (const [key, { login, end }] of [...ofUser]) {
        if (marks.get(login.client) === login.mark) continue;
        ofUser.delete(key);
        end();
      }
    }
  }

  /** How much is open. */
  get size(): number {
    let size = 0;
    for (const ofUser of this.#open.values()) size += ofUser.size;
    return size;
  }
}

interface Open {
  readonly login: Login;
  readonly end: () => void;
}
