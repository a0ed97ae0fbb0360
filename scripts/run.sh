# Sourced by the launchers, of the checkout and of the executables: runs the program with the
# permission flags that its command line needs and no more. The launcher defines
#   exec_deno FLAGS… ENTRY ARGS…   becomes `$as deno run` with the launcher's own flags
#   permission_flags ARGS…         prints the flags as shell words
# and sets `entry`, `leading` (words that go before the arguments) and `product`.

# State, logs, sockets and whatever else is made are for this account alone, whoever starts this:
# what others may see has its modes set. A core dump would have secrets in it.
umask 077
ulimit -c 0 2>/dev/null || true

# `start` has the program write its log to this file, and the program keeps it within bounds.
if [ -n "${SINKD_LOG:-}" ]; then
  exec >>"$SINKD_LOG" 2>&1
  unset JOURNAL_STREAM
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
# new anchors, and only a new process can have other permissions. A signal counts whenever it comes:
# between two processes, or before the new one listens.
keep_running() {
  child= stop= again=
  trap 'stop=143; pass TERM' TERM
  trap 'stop=130; pass TERM' INT
  trap 'again=1; pass HUP' HUP
  while :; do
    again=
    flags=$(permission_flags "$@")
    [ -z "$again" ] || continue
    [ -z "$stop" ] || exit "$stop"
    eval "become $flags"' "$entry" $leading "$@" &'
    child=$!
    [ -z "$stop" ] || pass TERM
    [ -z "$again" ] || pass HUP
    # A signal ends the wait early; then the child is still there, and waited for again.
    code=0
    wait "$child" || code=$?
    while kill -s 0 "$child" 2>/dev/null; do
      code=0
      wait "$child" || code=$?
    done
    child=
    if [ -n "$stop" ]; then
      [ "$code" -ne 75 ] || code=0
      exit "$code"
    fi
    # A hangup before the program listened ended it; the next one reads the configuration anew.
    [ "$code" -ne 129 ] || [ -z "$again" ] || continue
    [ "$code" -eq 75 ] || exit "$code"
  done
}

pass() {
  [ -z "$child" ] || kill -s "$1" "$child" 2>/dev/null || true
}

# Arguments show in the list of processes: `join -` has the link on standard input, and from there in
# the environment, which only its own account sees.
read_link() {
  for word in "$@"; do
    [ "$word" = - ] || continue
    [ ! -t 0 ] || ask_unseen "The link from 'sinkd-server adduser' (it is not shown):"
    IFS= read -r SINKD_JOIN_LINK || [ -n "$SINKD_JOIN_LINK" ] || {
      seen_again
      echo "$product: Cannot join: there is no link on standard input" >&2
      exit 2
    }
    seen_again
    export SINKD_JOIN_LINK
    return
  done
}

# What is typed or pasted next is a secret: it stays off the screen and its scrollback.
ask_unseen() {
  echo "$1" >&2
  terminal=$(stty -g 2>/dev/null) || terminal=
  [ -n "$terminal" ] || return 0
  trap 'seen_again; exit 130' INT TERM HUP
  stty -echo
}

seen_again() {
  [ -n "${terminal:-}" ] || return 0
  stty "$terminal"
  terminal=
  trap - INT TERM HUP
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
