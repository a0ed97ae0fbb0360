# Where this account keeps what can be made again: sets `cache`, fails when there is no such place.
# A directory counts when it is no symbolic link, ours, and writable by nobody else. With arguments,
# they are a command that must succeed with the directory as its last argument.
find_cache() {
  uid=$(id -u)
  if [ -n "${SINKD_CACHE:-}" ]; then
    try_cache "$SINKD_CACHE" "$@" && return 0
  elif [ -n "${CACHE_DIRECTORY:-}" ]; then
    # Made by systemd for the unit.
    try_cache "${CACHE_DIRECTORY%%:*}" "$@" && return 0
  elif [ "$uid" -eq 0 ]; then
    try_cache /var/cache/sinkd "$@" && return 0
  else
    { [ -n "${XDG_CACHE_HOME:-}" ] && try_cache "$XDG_CACHE_HOME/sinkd" "$@"; } && return 0
    { [ -n "${HOME:-}" ] && try_cache "$HOME/.cache/sinkd" "$@"; } && return 0
  fi
  try_cache "${TMPDIR:-/tmp}/sinkd-$uid" "$@"
}

try_cache() {
  cache=$1
  shift
  case $cache in
    /*) ;;
    *) return 1 ;;
  esac
  [ ! -L "$cache" ] || return 1
  [ -d "$cache" ] || (
    # What root unpacks is there to be read by the account that it becomes.
    umask 077
    [ "$uid" -ne 0 ] || umask 022
    mkdir -p -- "$cache"
  ) 2>/dev/null || return 1
  owner_and_mode "$cache"
  [ "$owner" = "$uid" ] || return 1
  case $mode in
    ?????w* | ????????w*) return 1 ;;
  esac
  [ $# -eq 0 ] || "$@" "$cache"
}

owner_and_mode() {
  listing=$(ls -ldn -- "$1")
  IFS=' ' read -r mode links owner rest <<EOF
$listing
EOF
}
