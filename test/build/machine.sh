#!/bin/bash
# Runs as root on a clean machine with systemd, rsync and the built files in /built: installs them,
# has three accounts keep a directory in step, and takes everything away again. Prints one line for
# each thing that is so; ends at the first that is not.
set -euo pipefail
built=/built
export SYSTEMD_COLORS=0 SYSTEMD_PAGER=

fine() { echo "ok: $*"; }
broken() {
  echo "BROKEN: $*"
  journalctl --no-pager -n 60 -o cat || true
  systemctl --no-pager --failed || true
  exit 1
}
# until LIMIT_S WHAT COMMAND…: waits for the command to succeed.
until_so() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $limit ] || { "$@" || true; broken "$what"; }
    sleep 0.1
  done
  fine "$what"
}
as() {
  local account=$1
  shift
  setpriv --reuid="$account" --regid="$account" --init-groups \
    env -i HOME="/home/$account" USER="$account" PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 \
    XDG_RUNTIME_DIR="${RUNTIME:-}" sh -c 'cd ~ && exec "$@"' sh "$@"
}
account_of() { stat -c %U "/proc/$(systemctl show -P MainPID "$1")"; }
same() { cmp -s "/home/$1/docs/$3" "/home/$2/docs/$3"; }

check_clean() {
  for program in deno node npm; do
    ! command -v $program || broken "$program is on this machine"
  done
  [ ! -e /work ] || broken "the checkout is on this machine"
  fine "no deno, node, npm or checkout on this machine"
}

make_accounts() {
  for account in alice carol dave; do
    id $account >/dev/null 2>&1 || useradd --create-home --shell /bin/sh $account
  done
}

# join ACCOUNT CLIENT: the account's machine joins alice and keeps ~/docs in step.
join() {
  local link
  link=$(sinkd-server adduser alice --address 127.0.0.1:8883 2>/dev/null)
  as "$1" mkdir -p docs
  as "$1" sinkd join "$link" --name "$2" >/tmp/joined 2>&1 || broken "join: $(cat /tmp/joined)"
  as "$1" sinkd add docs --name docs >/tmp/added 2>&1 || broken "add: $(cat /tmp/added)"
}

# What the server, and every rsync that it starts, can get at under its unit.
check_confined() {
  local pid
  pid=$(systemctl show -P MainPID sinkd-server)
  within() { nsenter --target="$pid" --mount -- "$@" 2>&1; }
  for limit in "NoNewPrivs:.1" "Seccomp:.2" "CapBnd:.0000000000000000" "CapEff:.0000000000000000"; do
    grep -q "^$limit$" "/proc/$pid/status" || broken "the server's process: no $limit"
  done
  for place in /etc /usr /var /home; do
    if within touch "$place/probe" >/dev/null; then broken "the server's unit can write to $place"; fi
  done
  if within ls /home/alice >/dev/null; then broken "the server's unit shows /home/alice"; fi
  if within test -e /dev/kmsg; then broken "the server's unit shows devices"; fi
  within setpriv --reuid=sinkd --regid=sinkd --clear-groups touch /srv/sinkd/probe ||
    broken "the server's unit cannot write to /srv/sinkd"
  rm /srv/sinkd/probe
  fine "the unit confines the server and its rsync to /srv/sinkd, without privileges"
}

check_service() {
  until_so 60 "sinkd-server.service answers" sinkd-server status
  [ "$(account_of sinkd-server)" = sinkd ] || broken "the server runs as $(account_of sinkd-server)"
  fine "the server runs as the account sinkd"
  check_confined
  join alice a
  join carol c
  [ "$(stat -c %U /srv/sinkd/alice)" = sinkd ] || broken "adduser by root left root's files in /srv/sinkd"
  [ -z "$(find /srv/sinkd ! -user sinkd)" ] || broken "$(find /srv/sinkd ! -user sinkd)"
  fine "adduser by root works as the server's account"
  systemctl restart sinkd@alice sinkd@carol
  [ "$(account_of sinkd@alice)" = alice ] || broken "the client runs as $(account_of sinkd@alice)"
  fine "a client runs as its user"
  check_sync alice carol "$1"
  check_trees "$1"
  until_so 60 "status by the user finds the service and is in step" as alice sinkd status
  as alice sinkd status --json | grep -q '"state": *"Sinkd"' || broken "status --json"
  systemctl restart sinkd-server
  check_sync carol alice "$1 after a restart of the server"
  systemctl reload sinkd-server sinkd@alice || broken "systemctl reload"
  fine "server and client read their files again"
  journalctl -o json -u sinkd-server | grep -q '"PRIORITY":"6"' || broken "no levels in the journal"
  ! journalctl -o cat -u sinkd-server | grep -q '^<[0-7]>' || broken "raw levels in the journal"
  fine "the journal has levels"
}

# check_sync FROM TO WHAT
check_sync() {
  local name="from $1, $3"
  as "$1" sh -c 'echo "$1" >"docs/$1"' sh "$name"
  until_so 60 "a file goes from $1 to $2: $3" same "$1" "$2" "$name"
}

# What people's trees have beside files with plain names: all kinds of links, names of all kinds.
make_odd_tree() {
  mkdir -p docs/odd/target docs/odd/'[a-z]*'
  cd docs/odd
  ln -s target/file relative
  ln -s /nowhere/at/all dangling
  ln -s target directory
  ln -s ../.. upward
  ln -s /etc/hostname absolute
  for name in 'new
line' '# comment' ';semicolon' '[brackets]' '*' '?' '-rf' '--delete' ' space ' 'per%cent%' "quote'\"" \
    'back\slash' 'a:b' 'naïve 🎈' '.hidden' '~' '$HOME' "$(printf 'bell\a')"; do
    printf '%s' "$name" >"./$name"
    ln -s "./$name" "[a-z]*/$name"
  done
  echo text >target/file
}
# Every path below docs/odd with its kind, what a link says, and the bytes.
odd_tree() {
  (cd "/home/$1/docs/odd" && find . -printf '%p\0%y\0%l\0' && find . -type f -exec cksum {} + | tr '\n' '\0') |
    sort -z | tr '\0' '|'
}
same_odd_tree() { [ "$(odd_tree alice)" = "$(odd_tree carol)" ]; }

# check_trees WHAT: links, names and a conflict between alice and carol.
check_trees() {
  as alice bash -euc "$(declare -f make_odd_tree); make_odd_tree"
  until_so 60 "links and names of all kinds go from alice to carol: $1" same_odd_tree
  as carol sh -c 'cd docs/odd && rm ./-rf ./\[brackets\] dangling && ln -sfn nowhere relative && echo edited >"./*"'
  until_so 60 "their edits and deletions come back: $1" same_odd_tree
  systemctl stop sinkd@alice sinkd@carol
  for account in alice carol; do
    as $account sh -c 'echo "$1 wrote this" >"docs/both, $2"' sh $account "$1"
  done
  systemctl start sinkd@alice sinkd@carol
  until_so 60 "both versions of a conflict are with both: $1" both_versions "$1"
  [ "$(cat "/home/alice/docs/both, $1")" = "$(cat "/home/carol/docs/both, $1")" ] ||
    broken "the two have another version under the name itself"
  fine "and the same one has the name"
  rm "/home/alice/docs/both, $1".sinkd-conflict-*
  until_so 60 "a copy that is removed goes everywhere: $1" no_copies
}
no_copies() { ! ls /home/carol/docs/*.sinkd-conflict-* 2>/dev/null; }
both_versions() {
  for account in alice carol; do
    [ "$(cat "/home/$account/docs/both, $1"* | sort)" = "alice wrote this
carol wrote this" ] || return 1
  done
}

check_user_service() {
  loginctl enable-linger dave
  RUNTIME=/run/user/$(id -u dave)
  until_so 60 "dave's own systemd runs" as dave systemctl --user is-system-running --wait
  join dave d
  as dave systemctl --user daemon-reload
  as dave systemctl --user start sinkd || broken "the user unit does not start"
  check_sync alice dave "by user unit"
  until_so 60 "the user unit's client is in step" as dave sinkd status
  as dave systemctl --user is-active sinkd >/dev/null || broken "the user unit"
}

# What is left of the programs, wherever they were put.
left_over() {
  find /usr /etc /run -name '*sinkd*' ! -path '/run/user/*' ! -path '/run/systemd/*' \
    ! -path '/run/credentials/*' ! -path '/etc/sinkd.conf*' ! -name '*.dpkg-*'
}

check_units_file() {
  local said
  said=$(systemd-analyze verify "$@" 2>&1 | grep -v "Command 'man" || true)
  [ -z "$said" ] || broken "systemd-analyze verify: $said"
  fine "systemd-analyze verify has nothing to say"
}

test_install() {
  "$built/sinkd-server" install >/tmp/first
  "$built/sinkd" install --system alice >>/tmp/first
  fine "both are installed from the bare files"
  systemctl enable --quiet --now sinkd@carol
  check_service installed
  before=$(systemctl show -P MainPID sinkd-server)
  sinkd-server install >/tmp/second
  "$built/sinkd" install --system alice >>/tmp/second
  ! grep -E '^(write|remove)' /tmp/second || broken "install is not idempotent"
  [ "$before" = "$(systemctl show -P MainPID sinkd-server)" ] || broken "install twice restarted the server"
  fine "install twice changes nothing"
  check_units_file /etc/systemd/system/sinkd-server.service sinkd@alice.service
  check_user_service
  RUNTIME=
  sinkd uninstall >/tmp/gone
  sinkd-server uninstall >>/tmp/gone
  [ -z "$(left_over)" ] || broken "uninstall left $(left_over)"
  ! systemctl is-active sinkd-server sinkd@alice >/dev/null || broken "something still runs"
  [ -e "/srv/sinkd/alice/docs/from alice, installed" ] || broken "uninstall took /srv/sinkd"
  fine "uninstall leaves the files and nothing else"
}

test_packages() {
  dpkg --install "$built"/sinkd-server_*.deb "$built"/sinkd_*.deb >/tmp/dpkg 2>&1 ||
    broken "dpkg --install: $(cat /tmp/dpkg)"
  fine "both packages are installed"
  until_so 60 "the package started the server" systemctl is-active sinkd-server
  systemctl enable --quiet --now sinkd@alice sinkd@carol
  check_service packaged
  check_units_file sinkd-server.service sinkd@alice.service
  sinkd install >/tmp/refused 2>&1 && broken "install out of a package"
  grep -q 'belongs to the package' /tmp/refused || broken "$(cat /tmp/refused)"
  check_user_service
  RUNTIME=

  # An upgrade restarts what runs and keeps a changed configuration.
  echo 'log_level = "debug"' >>/etc/sinkd.conf
  before=$(systemctl show -P MainPID sinkd-server)
  dpkg --install "$built"/newer/*.deb >/tmp/dpkg 2>&1 || broken "upgrade: $(cat /tmp/dpkg)"
  until_so 60 "an upgrade restarts the server" sinkd-server status
  [ "$before" != "$(systemctl show -P MainPID sinkd-server)" ] || broken "the upgrade left the old server"
  grep -q debug /etc/sinkd.conf || broken "the upgrade took /etc/sinkd.conf"
  check_sync alice carol "after an upgrade"

  dpkg --remove sinkd sinkd-server >/tmp/dpkg 2>&1 || broken "remove: $(cat /tmp/dpkg)"
  ! systemctl is-active sinkd-server sinkd@alice >/dev/null || broken "something still runs"
  [ -e /etc/sinkd.conf ] || broken "remove took the configuration"
  fine "remove stops everything and keeps the configuration"
  dpkg --purge sinkd sinkd-server >/tmp/dpkg 2>&1 || broken "purge: $(cat /tmp/dpkg)"
  [ -z "$(left_over)" ] || broken "purge left $(left_over)"
  [ ! -e /etc/sinkd.conf ] || broken "purge left the configuration"
  [ -e "/srv/sinkd/alice/docs/from alice, packaged" ] || broken "purge took /srv/sinkd"
  [ -e "/home/alice/docs/from alice, packaged" ] || broken "purge took the files"
  fine "purge leaves the files and nothing else"
}

check_clean
make_accounts
case $1 in
  install) test_install ;;
  packages) test_packages ;;
esac
