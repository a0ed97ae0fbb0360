# Sourced by the executables, with `here` (the directory of this file, of Deno and of the bundles),
# `product`, `form` and `self` (the executable): runs the program.
SINKD_LAUNCHER=$self
DENO_NO_UPDATE_CHECK=1
export SINKD_LAUNCHER DENO_NO_UPDATE_CHECK
deno=$here/deno
leading="$product $form"
as=

. "$here/run.sh"

# Everything that the program consists of is in the bundles.
exec_deno() {
  exec $as "$deno" run --quiet --no-prompt --no-remote --no-npm --no-config --no-lock "$@"
}

# What Deno compiles is kept where only this account can write, else it is made anew each time.
if [ -z "${cache:-}" ]; then
  . "$here/cache.sh"
  find_cache || cache=
fi
DENO_DIR=${cache:-/nonexistent}/deno
export DENO_DIR

# The commonest lines, whose flags need no look at anything, do without a second process.
permission_flags() {
  case ${1:-} in
    status) status_flags "$@" && return ;;
    --version | -V)
      echo "--no-prompt --ignore-env --allow-run=rsync --allow-sys=uid --allow-env=@ENVIRONMENT@"
      return
      ;;
  esac
  (exec_deno --allow-read --allow-env --allow-sys=uid \
    "$here/flags.js" $leading "$self" "$@")
}

# status [--json] [--watch] [--pid FILE], with plain absolute paths; fails for any other line.
status_flags() {
  for word in "$@" "${XDG_RUNTIME_DIR:-}" "${USER:-}"; do
    case $word in
      *[!A-Za-z0-9/._-]* | */../* | */./* | *//*) return 1 ;;
    esac
  done
  pids=
  while shift && [ $# -gt 0 ]; do
    case $1 in
      --json | --watch) ;;
      --pid)
        case ${2:-} in
          /*.pid) ;;
          *) return 1 ;;
        esac
        pids=$2
        shift
        ;;
      *) return 1 ;;
    esac
  done
  if [ -z "$pids" ]; then
    own=${XDG_RUNTIME_DIR:-}
    [ -z "$own" ] || own=$own/sinkd.pid
    if [ "$uid" -eq 0 ]; then
      pids=/run/sinkd.pid${own:+,$own}
    else
      case ${USER:-} in
        "" | [!A-Za-z_]* | *[!A-Za-z0-9_.-]*) ;;
        *) own=${own:+$own,}/run/sinkd-$USER/sinkd.pid ;;
      esac
      pids=${own:+$own,}/run/sinkd.pid
    fi
  fi
  sockets= nets=
  IFS=,
  for pid in $pids; do
    sockets=$sockets,${pid%.pid}.sock
    nets=$nets,unix:${pid%.pid}.sock
  done
  unset IFS
  sockets=${sockets#,}
  echo "--no-prompt --ignore-env --allow-read=$pids,$sockets --allow-write=$sockets" \
    "--allow-net=${nets#,} --allow-sys=uid --allow-env=@ENVIRONMENT@"
}

case $product in
  sinkd-server)
    # `sinkd-server ARGS` is `sinkd server ARGS`.
    word=${1:-}
    [ "$word" != server ] || word=${2:-}
    case $word in
      status | start | stop | restart | reload | --version | -V) entry=$here/control.js ;;
      *) entry=$here/server.js ;;
    esac
    ;;
  sinkd)
    case ${1:-}\ ${2:-} in
      "server "*)
        shift
        server=${self%/*}/sinkd-server
        [ -x "$server" ] || server=$(command -v sinkd-server) || {
          echo "sinkd: this is the client, and the server is a program of its own that is not here: get the file sinkd-server, or install the package of that name" >&2
          exit 2
        }
        exec "$server" "$@"
        ;;
      status\ * | approve\ * | reject\ * | pause\ * | resume\ * | rescan\ * | --version\ * | -V\ * | \
        "client start" | "client stop" | "client restart" | "client reload")
        entry=$here/control.js
        ;;
      *) entry=$here/client.js ;;
    esac
    ;;
esac

run_program "$@"
