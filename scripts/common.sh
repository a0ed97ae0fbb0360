# Sourced by the scripts, which set `checkout` first: the pinned version of Deno, where it is, where
# its cache is, and whether that cache holds what deno.lock names.

DENO_VERSION=2.9.6
RSYNC_VERSION=3.2.7

: "${DENO_DIR:=$checkout/.deno/cache}"
DENO_NO_UPDATE_CHECK=1
export DENO_DIR DENO_NO_UPDATE_CHECK

# at_least VERSION WANTED: both are MAJOR.MINOR.PATCH.
at_least() (
  IFS=.
  set -- $1 $2
  [ $# -eq 6 ] || exit 1
  [ "$1" -eq "$4" ] || { [ "$1" -gt "$4" ]; exit; }
  [ "$2" -eq "$5" ] || { [ "$2" -gt "$5" ]; exit; }
  [ "$3" -ge "$6" ]
)

# True when `$1` is Deno of the pinned version, or a newer one of the same major version.
deno_fits() {
  found=$("$1" --version 2>/dev/null) || return 1
  found=${found#deno }
  found=${found%%[!0-9.]*}
  [ "${found%%.*}" = "${DENO_VERSION%%.*}" ] && at_least "$found" "$DENO_VERSION"
}

# True when `$1`, which npm brought for the system `$2` (as in scripts/deno.sha256), is the very
# program of the pinned version.
deno_is_pinned() {
  if command -v sha256sum >/dev/null 2>&1; then sum=$(sha256sum <"$1"); else sum=$(shasum -a 256 <"$1"); fi
  grep -Fqx "${sum%% *}  $2" "$checkout/scripts/deno.sha256"
}

# Sets `deno` to the one that setup chose, else to the one on PATH when it fits.
find_deno() {
  deno=$checkout/.deno/deno
  [ -x "$deno" ] && return 0
  deno=$(command -v deno 2>/dev/null) && deno_fits "$deno"
}

# True when the cache holds the packages of deno.lock.
cache_is_warm() {
  cmp -s "$checkout/deno.lock" "$DENO_DIR/sinkd.lock"
}
