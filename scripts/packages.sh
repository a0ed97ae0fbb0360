# Sourced by the set-ups, which define `say`: installs packages with the machine's package manager.

# Somebody else's run of the package manager ends within this time, such as a machine's first upgrade.
: "${LOCK_LIMIT_S:=900}"

# Sets `as_root` to what goes before a command of root's; false when this account may not.
may_be_root() {
  as_root=
  [ "$(id -u)" -ne 0 ] || return 0
  as_root="sudo -n"
  command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null
}

# Sets `install` and `refresh`, the commands of the package manager; false when it is none that is known.
find_package_manager() {
  refresh=true
  if command -v apt-get >/dev/null 2>&1; then
    install="apt-get install -y --no-install-recommends"
    refresh="apt-get update"
  elif command -v dnf >/dev/null 2>&1; then
    install="dnf install -y"
  elif command -v apk >/dev/null 2>&1; then
    install="apk add --no-cache"
  elif command -v pacman >/dev/null 2>&1; then
    install="pacman -S --noconfirm --needed" refresh="pacman -Sy"
  elif command -v brew >/dev/null 2>&1; then
    install="brew install"
  else
    return 1
  fi
}

# patiently LOG COMMAND…: runs a package manager, again and again while somebody else's run has its lock.
patiently() (
  log=$1
  shift
  waited=0
  LC_ALL=C
  export LC_ALL
  until "$@" >"$log" 2>&1; do
    grep -Eqi 'could not get lock|unable to (acquire|lock)|is held by process|another process is using' "$log" || exit 1
    [ "$waited" -lt "$LOCK_LIMIT_S" ] || exit 1
    [ "$waited" -gt 0 ] || say "waits for another run of the package manager"
    sleep 2
    waited=$((waited + 2))
  done
)

# install_packages LOG PACKAGE…: after may_be_root and find_package_manager. Words of a command are split.
install_packages() {
  log=$1
  shift
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  # shellcheck disable=SC2086
  patiently "$log" $as_root $install "$@" ||
    { patiently "$log" $as_root $refresh && patiently "$log" $as_root $install "$@"; }
}
