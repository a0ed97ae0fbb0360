# Sourced by the launchers, of the checkout and of the executables: runs the program with the
# permission flags that its command line needs and no more. The launcher defines
#   exec_deno FLAGS… ENTRY ARGS…   becomes `$as deno run` with the launcher's own flags
#   permission_flags ARGS…         prints the flags as shell words
# and sets `entry`, `leading` (words that go before the arguments) and `product`.

# `start` has the program write its log to this file.
if [ -n "${SINKD_LOG:-}" ]; then
  exec >>"$SINKD_LOG" 2>&1
  unset SINKD_LOG JOURNAL_STREAM
fi

# Becomes Deno; a first word --as=UID:GID, which the flags may begin with, says as whom.
become() {
  as=
  case ${1:-} in
    --as=*)
      account=${1#--as=}
      shift
      command -v setpriv >/dev/null 2>&1 || {
        echo "$product: what this changes belongs to account ${account%:*}, and there is no setpriv to become it; run this as that account" >&2
        exit 2
      }
      as="setpriv --reuid=${account%:*} --regid=${account#*:} --clear-groups --"
      unset HOME XDG_RUNTIME_DIR XDG_STATE_HOME
      ;;
  esac
  exec_deno "$@"
}

# In the foreground a client may ask, by exit code 75, to be started again: its configuration has
# new anchors, and only a new process can have other permissions.
keep_running() {
  child=
  trap 'forward TERM 143' TERM
  trap 'forward TERM 130' INT
  trap 'forward HUP 129' HUP
  while :; do
    flags=$(permission_flags "$@")
    eval "become $flags"' "$entry" $leading "$@" &'
    child=$!
    # A signal ends the wait early; then the child is waited for again.
    while signalled=; do
      code=0
      wait "$child" || code=$?
      [ -n "$signalled" ] || break
    done
    child=
    [ "$code" -eq 75 ] || exit "$code"
  done
}

forward() {
  signalled=1
  [ -n "$child" ] || exit "$2"
  kill -s "$1" "$child" 2>/dev/null || true
}

# Arguments show in the list of processes: `join -` has the link on standard input, and from there in
# the environment, which only its own account sees.
read_link() {
  for word in "$@"; do
    [ "$word" = - ] || continue
    [ ! -t 0 ] || echo "The link from 'sinkd-server adduser':" >&2
    IFS= read -r SINKD_JOIN_LINK || [ -n "$SINKD_JOIN_LINK" ] || {
      echo "$product: Cannot join: there is no link on standard input" >&2
      exit 2
    }
    export SINKD_JOIN_LINK
    return
  done
}

run_program() {
  unset SINKD_JOIN_LINK
  [ "${1:-}" != join ] || read_link "$@"
  case ${1:-}\ ${2:-} in
    "client start" | "client stop" | "client restart" | "client reload") ;;
    "client "*) keep_running "$@" ;;
  esac
  flags=$(permission_flags "$@")
  eval "become $flags"' "$entry" $leading "$@"'
}
