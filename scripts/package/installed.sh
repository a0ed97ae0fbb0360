#!/bin/sh
# @PRODUCT@ @VERSION@, installed: runs what is in @HERE@.
set -euf
product=@PRODUCT@
form=package
here=@HERE@
cache=
self=@SELF@
. "$here/launch.sh"
