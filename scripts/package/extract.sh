#!/bin/sh
# @PRODUCT@ @VERSION@ (@TARGET@): one file with everything in it but rsync. This is its start; Deno
# and the program follow, compressed. At the first run they are unpacked into a cache directory of
# this account ($SINKD_CACHE, else ~/.cache/sinkd, for root /var/cache/sinkd), by their checksum.
set -euf
product=@PRODUCT@
form=portable
payload=@PAYLOAD@
payload_at=@PAYLOAD_AT@

self=$0
case $self in
  /*) ;;
  */*) self=$PWD/$self ;;
  *) self=$(command -v -- "$self") || self=$PWD/$self ;;
esac
while [ -L "$self" ]; do
  target=$(readlink "$self")
  case $target in
    /*) self=$target ;;
    *) self=${self%/*}/$target ;;
  esac
done

@CACHE_SH@

fail() {
  echo "$product: $*" >&2
  exit 1
}

# Unpacks beside the final place and moves it there; of several at once the first one wins.
unpack_in() {
  here=$1/$payload
  [ ! -x "$here/deno" ] || return 0
  [ -w "$1" ] || return 1
  sound || fail "Cannot unpack $self: it is damaged; get it again"
  (
    umask 077
    [ "$uid" -ne 0 ] || umask 022
    new=$(mktemp -d "$1/new.XXXXXX") || exit 1
    trap 'rm -rf -- "$new"' EXIT
    trap 'exit 1' HUP INT TERM
    chmod go-w "$new"
    [ "$uid" -ne 0 ] || chmod 755 "$new"
    tail -c "+$payload_at" -- "$self" | gzip -dc | tar -xof - -C "$new" || exit 1
    touch "$new"
    # Fails on file systems that nothing may be run from.
    "$new/deno" --version >/dev/null 2>&1 || exit 1
    mv -- "$new" "$here" 2>/dev/null || true
    # When another was faster, ours is now inside of its directory or still where it was.
    rm -rf -- "$here/${new##*/}"
    [ -x "$here/deno" ]
  ) 2>/dev/null || return 1
  forget_old "$1"
}

sound() {
  command -v sha256sum >/dev/null 2>&1 || return 0
  found=$(tail -c "+$payload_at" -- "$self" | sha256sum)
  [ "${found%% *}" = "$payload" ]
}

# Keeps this version and the two before: an old one may still run.
forget_old() (
  set +f
  cd -- "$1" || exit 0
  ls -1td -- */ 2>/dev/null | grep -E '^[0-9a-f]{64}/$' | tail -n +5 |
    while IFS= read -r old; do rm -rf -- "./$old"; done
)

find_cache unpack_in ||
  fail "Cannot unpack: found no directory that is this account's alone and that programs may be run from; name one in SINKD_CACHE"
. "$here/launch.sh"
exit
